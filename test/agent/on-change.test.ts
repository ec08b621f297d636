import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCommands } from '../../src/adapters/command.ts';
import { systemTime } from '../../src/adapters/system.ts';
import { callOnChange, onChangeDue, onChangeProblem } from '../../src/agent/hooks.ts';
import type { OnChange } from '../../src/config-types.ts';
import type { Commands } from '../../src/ports/command.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const never = new AbortController().signal;
const onChange: OnChange = { run: 'cat >> ../calls; echo "|" >> ../calls', timeoutMs: 20_000, debounceMs: 0 };

interface Told {
  /** What was told, call by call. */
  calls(): string[][];
  call(commands?: Commands): Promise<string>;
  due(nowMs?: number): ReturnType<typeof onChangeDue>;
}

/** Two members; what was applied at `b` is told. */
function pair(options: Partial<OnChange> = {}) {
  const home = temporaryDirectory();
  const told: OnChange = { ...onChange, ...options };
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b', { config: { onChange: told } })];
  return { home, a, b, ...calling(home, b, told) };
}

function calling(home: string, member: TestMember, told: OnChange): Told {
  const file = join(home, 'b', 'calls');
  const real = openCommands(join(home, 'changed'));
  return {
    calls: () =>
      existsSync(file)
        ? readFileSync(file, 'latin1')
            .split('|\n')
            .slice(0, -1)
            .map((text) => text.split('\0').slice(0, -1))
        : [],
    call: (commands = real) => callOnChange({ journal: () => member.journal, commands, time: systemTime }, member.agent.config, never),
    due: (nowMs = Date.now()) => onChangeDue(member.journal, told, nowMs),
  };
}

function put(member: TestMember, ...paths: string[]): void {
  for (const path of paths) {
    mkdirSync(join(member.root, path, '..'), { recursive: true });
    writeFileSync(join(member.root, path), `${path} ${performance.now()}`);
  }
}

test('one call tells of everything that one cycle applied, each path once, and of nothing that was made here', async () => {
  const { a, b, calls, call, due } = pair();
  put(a, 'x', 'd/y', 'gone');
  symlinkSync('x', join(a.root, 'link'));
  await a.cycle();
  rmSync(join(a.root, 'gone'));
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  put(b, 'own');
  await b.cycle();
  expect(await call()).toBe('done');
  expect(calls()).toEqual([['d', 'd/y', 'link', 'x']]);
  expect(due()).toBeNull();
  put(b, 'own', 'd/y');
  await b.cycle();
  expect(due()).toBeNull();
  await a.cycle();
  chmodSync(join(a.root, 'own'), 0o600);
  rmSync(join(a.root, 'x'));
  await a.cycle();
  await b.cycle();
  await call();
  expect(calls().slice(1)).toEqual([['own', 'x']]);
});

test('what several cycles applied is told together', async () => {
  const { a, b, calls, call } = pair();
  for (const path of ['one', 'two', 'three']) {
    put(a, path);
    await a.cycle();
    await b.cycle();
  }
  await call();
  expect(calls()).toEqual([['one', 'three', 'two']]);
});

test('what was applied before the key stood in the config, or while it did not, is not told', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  put(a, 'early');
  await a.cycle();
  await memberIn(home, 'b').cycle();
  const b = memberIn(home, 'b', { config: { onChange } });
  await b.cycle();
  expect(onChangeDue(b.journal, onChange, 0)).toBeNull();
  put(a, 'told');
  await a.cycle();
  await b.cycle();
  expect(onChangeDue(b.journal, onChange, 0)).not.toBeNull();
  const without = memberIn(home, 'b');
  await without.cycle();
  await b.cycle();
  expect(onChangeDue(b.journal, onChange, 0)).toBeNull();
});

test('a failure stands until one call succeeds, which tells of everything since the last success; tries come ever later', async () => {
  const { home, a, b, calls, call, due } = pair({ run: `test -e ../works || { echo "no such service" >&2; exit 4; }; ${onChange.run}` });
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  expect(await call()).toBe('failed');
  const text = 'the command of onChange fails (exit code 4: no such service)';
  expect(onChangeProblem(b.journal)).toMatchObject({ code: 'hook-failed', path: null, text });
  expect((await b.cycle()).problems).toMatchObject([{ code: 'hook-failed', text }]);
  const pauses: number[] = [];
  for (let tries = 0; tries < 9; tries++) {
    pauses.push(Math.round((due()?.inMs ?? 0) / 1000));
    expect(due()?.retry).toBe(true);
    await call();
  }
  expect(pauses).toEqual([10, 20, 40, 80, 160, 320, 600, 600, 600]);
  put(a, 'y');
  await a.cycle();
  await b.cycle();
  expect(due()).toEqual({ inMs: 0, retry: false });
  writeFileSync(join(home, 'b', 'works'), '');
  expect(await call()).toBe('done');
  expect(calls()).toEqual([['x', 'y']]);
  expect(onChangeProblem(b.journal)).toBeNull();
  expect((await b.cycle()).problems).toEqual([]);
});

test('a clock that is set back puts no call off for long', async () => {
  const { a, b, call, due } = pair({ run: 'false' });
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  await call();
  expect(due(Date.now() - 365 * 86_400_000)?.inMs).toBeLessThanOrEqual(600_000);
});

test('a command that edits the share publishes its edit, and is not called for it', async () => {
  const { a, b, call, due } = pair({ run: 'date > built; echo built >> times' });
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  await call();
  expect((await b.cycle()).counts.published).toBe(2);
  expect(due()).toBeNull();
  await a.cycle();
  expect(readFileSync(join(a.root, 'times'), 'utf8')).toBe('built\n');
  await b.cycle();
  expect(due()).toBeNull();
});

test('modes that the config forces upon what was made here are no change by others', async () => {
  const home = temporaryDirectory();
  const config = { onChange, metadata: { owner: null, group: null, fileMode: 0o640, dirMode: null } };
  const b = memberIn(home, 'b', { config });
  await b.cycle();
  put(b, 'x');
  const { counts } = await b.cycle();
  expect(counts.applied).toBe(1);
  expect(onChangeDue(b.journal, onChange, 0)).toBeNull();
});

test('a kill between apply and call: the call is made up for, also where the audit knows nothing yet', async () => {
  const { a, b, calls, call, due } = pair();
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  const killed: Commands = { call: () => Promise.reject(new Error('killed')) };
  await expect(call(killed)).rejects.toThrow('killed');
  await b.cycle();
  expect(due()).toEqual({ inMs: 0, retry: false });
  await call();
  expect(calls()).toEqual([['x']]);
  b.journal.setMeta('onChange', JSON.stringify({ ...JSON.parse(b.journal.meta('onChange') ?? ''), applying: true }));
  expect(due()).toBeNull();
  await b.cycle();
  expect(due()).not.toBeNull();
  await call();
  expect(calls()).toEqual([['x'], []]);
  expect(due()).toBeNull();
});

test('a call that ends with this program is owed', async () => {
  const { a, b, call, due } = pair();
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  expect(await call({ call: async () => ({ ended: 'stopped', how: '', output: '' }) })).toBe('stopped');
  expect(due()).toEqual({ inMs: 0, retry: false });
  expect(onChangeProblem(b.journal)).toBeNull();
});

test('an audit that was pruned to the last row does not hide what comes next', async () => {
  const { a, b, calls, call } = pair();
  put(a, 'x', 'y', 'z');
  await a.cycle();
  await b.cycle();
  await call();
  b.journal.pruneAudit(Number.MAX_SAFE_INTEGER, 10);
  put(a, 'x');
  await a.cycle();
  await b.cycle();
  await call();
  expect(calls()).toEqual([['x', 'y', 'z'], ['x']]);
});
