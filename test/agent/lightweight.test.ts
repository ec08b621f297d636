import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import type { CycleOptions } from '../../src/agent/context.ts';
import { readMissed } from '../../src/agent/missed.ts';
import { localStatus } from '../../src/cli/status-local.ts';
import type { Scope } from '../../src/model/scope.ts';
import type { Datastore } from '../../src/ports/datastore.ts';
import { DiskFault } from '../../src/ports/filesystem.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketIn, memberIn, type TestMember } from './member.ts';

function inside(...paths: string[]): Scope {
  return { kind: 'directories', paths: new Set(paths), subtrees: new Set() };
}

function put({ root }: TestMember, path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

function read({ root }: TestMember, path: string): string | null {
  return existsSync(join(root, path)) ? readFileSync(join(root, path), 'utf8') : null;
}

/** Requests to the bucket by their kind and what they are about. */
function counted(asked: string[]): (datastore: Datastore) => Datastore {
  const about = (key: string) => key.replace(/.*\/(log|members|packs|bodies)\/?.*/, '$1');
  return (datastore) =>
    new Proxy(datastore, {
      get: (target, name: keyof Datastore) => {
        if (name === 'close') return () => target.close();
        const method = target[name] as (...args: unknown[]) => unknown;
        return (...args: unknown[]) => {
          asked.push(`${name} ${about(String(args[0]))}`);
          return method.apply(target, args);
        };
      },
    });
}

async function joined(home: string, name: string, asked: string[] = [], config = {}): Promise<TestMember> {
  const member = memberIn(home, name, { through: counted(asked), config });
  await member.cycle();
  return member;
}

const light = (...paths: string[]): Partial<CycleOptions> => ({ scope: inside(...paths), log: 'known' });

test('what is named is published with a record, a bell and a heartbeat, and nothing else is asked', async () => {
  const home = temporaryDirectory();
  const asked: string[] = [];
  const a = await joined(home, 'a', asked);
  put(a, 'd/one', '1');
  await a.cycle();
  await a.cycle();
  asked.length = 0;
  put(a, 'd/two', '2');
  put(a, 'unnamed', '3');
  const outcome = await a.cycle(light('d'));
  // The root is always listed.
  expect(outcome.counts.published).toBe(2);
  expect(asked).toEqual(['putIfAbsent log', 'put bell', 'put members']);
  asked.length = 0;
  expect((await a.cycle(light())).counts.published).toBe(0);
  expect((await a.cycle(light('d'))).counts.published).toBe(0);
  expect(asked).toEqual([]);
});

test('what others publish is taken in by the next number, and what it made here is no news', async () => {
  const home = temporaryDirectory();
  const asked: string[] = [];
  const a = await joined(home, 'a');
  put(a, 'd/zero', '0');
  await a.cycle();
  const b = await joined(home, 'b', asked, { settleMs: 25 });
  put(a, 'd/one', '1');
  await a.cycle();
  asked.length = 0;
  await b.cycle({ scope: inside(), log: 'next' });
  expect(read(b, 'd/one')).toBe('1');
  expect(asked).toEqual(['get log', 'get log', 'put members']);
  asked.length = 0;
  // The events of the apply.
  const echo = await b.cycle(light('', 'd'));
  expect([echo.counts.published, echo.counts.applied, echo.cursor]).toEqual([0, 0, 2]);
  expect(asked).toEqual([]);
  expect(b.agent.memory.attention.wanted).toBe(true);
  await b.cycle(light());
  expect(b.agent.memory.attention.wanted).toBe(false);
});

test('R-L1: who is named by an event while others have appended takes in what they wrote first', async () => {
  const home = temporaryDirectory();
  const [a, b] = [await joined(home, 'a'), await joined(home, 'b')];
  put(a, 'shared', 'by a');
  await a.cycle();
  await b.cycle();
  put(a, 'shared', 'a again');
  await a.cycle(light());
  put(b, 'other', 'by b');
  const outcome = await b.cycle(light());
  expect(outcome.cursor).toBe(3);
  expect([read(b, 'shared'), outcome.counts.published]).toEqual(['a again', 1]);
});

test('R-R2: a conflict that an event brings is resolved as any other', async () => {
  const home = temporaryDirectory();
  const [a, b] = [await joined(home, 'a'), await joined(home, 'b')];
  put(a, 'd/shared', 'one');
  await a.cycle();
  await b.cycle();
  put(a, 'd/shared', 'of a');
  await a.cycle();
  put(b, 'd/shared', 'of b, newer');
  await b.cycle(light('d'));
  await a.cycle();
  expect([read(a, 'd/shared'), read(b, 'd/shared')]).toEqual(['of b, newer', 'of b, newer']);
});

test('an edit that no event told of is not overwritten by what comes from others', async () => {
  const home = temporaryDirectory();
  const [a, b] = [await joined(home, 'a'), await joined(home, 'b')];
  put(a, 'd/e/shared', 'one');
  put(a, 'd/gone/file', 'one');
  await a.cycle();
  await b.cycle();
  await b.cycle();
  put(a, 'd/e/shared', 'of a');
  utimesSync(join(a.root, 'd/e/shared'), 1, 1);
  rmSync(join(a.root, 'd/gone'), { recursive: true });
  put(b, 'd/e/shared', 'unheard of, and newer');
  put(b, 'd/gone/unheard', 'new');
  put(b, 'd/gone/file', 'edited unheard');
  await a.cycle();
  await b.cycle({ scope: inside(), log: 'next' });
  await a.cycle();
  for (const member of [a, b]) {
    expect(read(member, 'd/e/shared')).toBe('unheard of, and newer');
    expect(read(member, 'd/gone/file')).toBe('edited unheard');
    expect(read(member, 'd/gone/unheard')).toBe('new');
  }
});

test('what the log wants here is met by a look at what is here, also where a directory has to go', async () => {
  const home = temporaryDirectory();
  const [a, b] = [await joined(home, 'a'), await joined(home, 'b')];
  put(a, 'd/e/file', '1');
  put(a, 'gone/file', '1');
  await a.cycle();
  await b.cycle();
  put(a, 'd/e/file', '2');
  rmSync(join(a.root, 'gone'), { recursive: true });
  await a.cycle();
  await b.cycle({ log: 'next', only: 'publish' });
  b.agent.memory.attention.foundClean();
  expect(b.agent.memory.attention.scope(b.journal)).toEqual(inside('d/e', '', 'gone'));
});

test('a cycle that fails leaves what was named to the next one', async () => {
  const home = temporaryDirectory();
  let broken = false;
  const a = memberIn(home, 'a', {
    through: (datastore) => ({
      ...datastore,
      get: datastore.get.bind(datastore),
      put: datastore.put.bind(datastore),
      list: datastore.list.bind(datastore),
      putIfAbsent: (key, bytes) => (broken ? Promise.reject(new Error('broken')) : datastore.putIfAbsent(key, bytes)),
      close: () => datastore.close(),
    }),
  });
  await a.cycle();
  put(a, 'd/one', '1');
  await a.cycle();
  await a.cycle();
  put(a, 'd/two', '2');
  broken = true;
  await expect(a.cycle(light('d'))).rejects.toThrow('broken');
  broken = false;
  expect((await a.cycle(light())).cursor).toBe(2);
});

test('a look that is told to stop leaves what was named to the next one', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a', [], { settleMs: 20 });
  put(a, 'd/one', '1');
  await a.cycle();
  await a.cycle();
  put(a, 'd/two', '2');
  const stop = new AbortController();
  const stopped = a.cycle({ ...light('d'), signal: stop.signal });
  stop.abort();
  expect((await stopped).counts.published).toBe(0);
  expect((await a.cycle(light())).counts.published).toBe(1);
});

// ---- what a look does not see goes on ---------------------------------------------------------------------------------------

test('R-G2: a hold stays while looks go elsewhere, and ends when what it holds comes back', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a');
  for (let i = 0; i < 60; i++) put(a, `d/e/${i}`, `${i}`);
  put(a, 'other/file', '');
  await a.cycle();
  await a.cycle();
  renameSync(join(a.root, 'd/e'), join(home, 'aside'));
  const held = await a.cycle(light('d'));
  expect([held.held, held.counts.deleted]).toEqual([true, 0]);
  const [hold] = a.journal.holds();
  put(a, 'other/more', '');
  for (const scope of [inside('other'), { kind: 'below' as const, paths: ['other/more'] }]) {
    const outcome = await a.cycle({ scope, log: 'known' });
    expect(outcome.held).toBe(true);
    expect(a.journal.holds()).toEqual([hold]);
  }
  renameSync(join(home, 'aside'), join(a.root, 'd/e'));
  expect((await a.cycle(light('d'))).held).toBe(false);
  expect(a.journal.holds()).toEqual([]);
});

test('R-G3: an approval is acted on by the next look, wherever that was to go', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a');
  for (let i = 0; i < 60; i++) put(a, `d/${i}`, `${i}`);
  await a.cycle();
  await a.cycle();
  rmSync(join(a.root, 'd'), { recursive: true });
  await a.cycle(light(''));
  const [hold] = a.journal.holds();
  a.journal.setHoldState(hold?.id ?? '', 'approved');
  expect((await a.cycle(light())).counts.deleted).toBe(61);
  expect(a.journal.holds()).toEqual([]);
});

test('a problem of a path stays while looks go elsewhere', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a');
  put(a, 'd/file', '');
  put(a, 'other/file', '');
  await a.cycle();
  rmSync(join(a.root, 'd/file'));
  const { tree } = a.agent.ports;
  const { readDirectory } = tree;
  Object.assign(tree, {
    readDirectory: (path: string, keep: Parameters<typeof readDirectory>[1]) => {
      const listing = readDirectory(path, keep);
      return path !== 'd' ? listing : { ...listing, dev: listing.dev + 1 };
    },
  });
  const first = await a.cycle(light('d'));
  expect(first.problems.map(({ code, path }) => [code, path])).toEqual([['mount-inside', 'd']]);
  put(a, 'other/more', '');
  for (const scope of [inside('other'), { kind: 'below' as const, paths: ['other'] }, { kind: 'below' as const, paths: ['d'] }, inside()]) {
    const outcome = await a.cycle({ scope, log: 'known' });
    expect(outcome.problems.map(({ code, path }) => [code, path])).toEqual([['mount-inside', 'd']]);
  }
  Object.assign(tree, { readDirectory });
  const over = await a.cycle(light());
  expect([over.problems, over.counts.deleted]).toEqual([[], 1]);
});

test('R-J6: drift of a subscriber stays listed while looks go elsewhere', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a');
  put(a, 'd/file', '');
  await a.cycle();
  const b = await joined(home, 'b', [], { role: 'subscriber' });
  put(b, 'd/file', 'own');
  await b.cycle(light('d'));
  for (let i = 0; i < 2; i++) {
    await b.cycle(light());
    expect(JSON.parse(b.journal.meta('lastCycle') ?? '').deviations.count).toBe(1);
  }
});

// ---- bursts ------------------------------------------------------------------------------------------------------------------

test('what comes while a burst is under way goes into the same changeset', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a', [], { settleMs: 5 });
  put(a, 'plugins/old/file', '');
  await a.cycle();
  await a.cycle();
  let files = 0;
  const write = () => {
    put(a, `plugins/new/dir${files % 7}/file${files++}`, `${files}`);
    return new Set([`plugins/new/dir${(files - 1) % 7}`]);
  };
  write();
  const outcome = await a.cycle({ ...light('plugins'), hints: () => (files < 40 ? write() : new Set<string>()) });
  expect([outcome.counts.records, outcome.counts.published]).toEqual([1, 48]);
});

test('R-D2: a burst without an end is cut at settleMax', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a', [], { settleMs: 5, settleMaxMs: 500 });
  put(a, 'd/file', '');
  await a.cycle();
  let files = 0;
  const write = () => {
    put(a, `d/${files++}`, `${files}`);
    return new Set(['d']);
  };
  const outcome = await a.cycle({ ...light('d'), hints: write });
  expect(outcome.counts.records).toBe(1);
  expect(files).toBeGreaterThan(1);
});

// ---- sweeps ------------------------------------------------------------------------------------------------------------------

test('a sweep finds what no event told of, counts it and says so once', async () => {
  const home = temporaryDirectory();
  let aheadMs = 0;
  const a = memberIn(home, 'a', { time: { wallMs: () => Date.now() + aheadMs } });
  put(a, 'd/e/file', '');
  put(a, 'd/gone', '');
  await a.cycle();
  // Beyond the clock's tick.
  aheadMs = 1000;
  for (let i = 0; i < 2; i++) await a.cycle();
  put(a, 'd/e/lost', 'unheard of');
  rmSync(join(a.root, 'd/gone'));
  expect((await a.cycle(light())).counts.published).toBe(0);
  put(a, 'told/file', 'heard of');
  a.agent.memory.attention.add(['', 'told']);
  // The events of the last seconds may still be on their way.
  aheadMs = 8000;
  const swept = await a.cycle({ log: 'next', sweep: true });
  expect([swept.counts.published, swept.counts.deleted]).toEqual([3, 1]);
  expect(readMissed(a.journal)).toMatchObject({ paths: 2, sweeps: 1, first: ['d/e/lost', 'd/gone'] });
  expect(swept.events).toEqual([
    expect.stringMatching(/^watch-missed: the sweep found 2 changes that no file event had told of \(d\/e\/lost, d\/gone\)/),
  ]);
  const lines = localStatus(a.journal, a.agent.config, Date.now());
  expect(lines.missed).toMatchObject({ paths: 2, sweeps: 1 });
  await a.cycle(light());
  put(a, 'd/e/again', '');
  aheadMs = 16_000;
  const again = await a.cycle({ log: 'next', sweep: true });
  expect(again.events).toEqual([]);
  expect(readMissed(a.journal)).toMatchObject({ paths: 3, sweeps: 2, first: ['d/e/again'] });
});

test('what no event told of directly in the root is counted as well, although every look lists the root', async () => {
  const home = temporaryDirectory();
  let aheadMs = 0;
  const a = memberIn(home, 'a', { time: { wallMs: () => Date.now() + aheadMs } });
  put(a, 'd/file', '');
  await a.cycle();
  aheadMs = 1000;
  for (let i = 0; i < 2; i++) await a.cycle();
  put(a, 'lost', 'unheard of');
  aheadMs = 8000;
  a.agent.memory.attention.add(['d']);
  await a.cycle({ log: 'next', sweep: true });
  expect(readMissed(a.journal)).toMatchObject({ paths: 1, sweeps: 1, first: ['lost'] });
});

test('what is younger than an event may take is not counted as missed', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a');
  put(a, 'd/file', '');
  await a.cycle();
  await a.cycle();
  put(a, 'd/young', '');
  const swept = await a.cycle({ log: 'next', sweep: true });
  expect([swept.counts.published, readMissed(a.journal), swept.events]).toEqual([1, null, []]);
});

// ---- the log -----------------------------------------------------------------------------------------------------------------

test('R-L3: minutes after the last listing the log is listed again, and so it is after a cycle that could not read it', async () => {
  const home = temporaryDirectory();
  const asked: string[] = [];
  let aheadMs = 0;
  const later = (datastore: Datastore): Datastore =>
    new Proxy(counted(asked)(datastore), {
      get: (target, name: keyof Datastore) => {
        const method = target[name] as (...args: unknown[]) => Promise<{ dateMs: number }>;
        if (name === 'close') return () => target.close();
        return async (...args: unknown[]) => {
          const answer = await method.apply(target, args);
          return { ...answer, dateMs: answer.dateMs + aheadMs };
        };
      },
    });
  const a = memberIn(home, 'a', { through: later });
  put(a, 'd/file', '');
  await a.cycle();
  await a.cycle();
  asked.length = 0;
  await a.cycle({ scope: inside(), log: 'next' });
  expect(asked).toEqual(['get log']);
  aheadMs = 6 * 60_000;
  asked.length = 0;
  await a.cycle({ scope: inside(), log: 'next' });
  expect(asked.slice(0, 2)).toEqual(['get log', 'list log']);
  asked.length = 0;
  await a.cycle({ scope: inside(), log: 'known' });
  expect(asked.filter((each) => each.startsWith('list'))).toEqual([]);
});

test('R-J4: a record of an own id that this journal does not know makes it look at its own heartbeat', async () => {
  const home = temporaryDirectory();
  const a = await joined(home, 'a');
  put(a, 'd/file', '');
  await a.cycle();
  const clone = memberIn(home, 'clone');
  const before = a.agent.ports.member.id;
  Object.defineProperty(clone.agent.ports.member, 'id', { value: before });
  await clone.cycle();
  put(clone, 'd/file', 'of the other life');
  await clone.cycle();
  const outcome = await a.cycle({ scope: inside(), log: 'next' });
  expect(outcome.events).toEqual([expect.stringMatching(/a clone or a restored disk/)]);
  expect(a.agent.ports.member.id).not.toBe(before);
});

test('R-B2: a record that cannot be read is not passed by, and nothing is appended behind it', async () => {
  const home = temporaryDirectory();
  const [a, b] = [await joined(home, 'a'), await joined(home, 'b')];
  put(a, 'd/file', '1');
  await a.cycle();
  await b.cycle();
  put(a, 'd/file', '2');
  await a.cycle();
  const bucket = bucketIn(home);
  const key = 'webroot/log/0000000000000002' as Parameters<Datastore['get']>[0];
  const { value } = await bucket.get(key, { bytesMax: 1_000_000 });
  const bytes = Buffer.from(value?.bytes ?? '');
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await bucket.put(key, bytes);
  put(b, 'd/other', '3');
  for (const log of ['next', 'known'] as const) {
    const outcome = await b.cycle({ scope: inside('d'), log });
    expect(outcome.problems.map(({ code }) => code)).toEqual(['record-unavailable']);
    expect(outcome.counts.published).toBe(0);
  }
});

test('rights of a directory are published where an event names the directory around it', async () => {
  const home = temporaryDirectory();
  const [a, b] = [await joined(home, 'a'), await joined(home, 'b')];
  put(a, 'd/e/file', '1');
  await a.cycle();
  await b.cycle();
  chmodSync(join(a.root, 'd/e'), 0o700);
  expect((await a.cycle(light('d'))).counts.published).toBe(1);
});

test('a directory that is closed by its rights is a problem as soon as an event names the directory around it', async () => {
  const home = temporaryDirectory();
  let aheadMs = 0;
  const a = memberIn(home, 'a', { time: { wallMs: () => Date.now() + aheadMs } });
  put(a, 'd/e/file', '1');
  await a.cycle();
  // Beyond the clock's tick.
  aheadMs = 1000;
  for (let i = 0; i < 2; i++) await a.cycle();
  const { tree } = a.agent.ports;
  const { readDirectory } = tree;
  let closed = true;
  // Root could read it nevertheless.
  Object.assign(tree, {
    readDirectory: (...args: Parameters<typeof readDirectory>) => {
      if (closed && args[0] === 'd/e') throw new DiskFault('denied', 'EACCES');
      return readDirectory.apply(tree, args);
    },
  });
  chmodSync(join(a.root, 'd/e'), 0);
  const shut = await a.cycle(light('d'));
  expect([shut.counts.published, shut.counts.deleted, shut.problems.map(({ code, path }) => [code, path])]).toEqual([
    1,
    0,
    [['unreadable', 'd/e']],
  ]);
  expect((await a.cycle(light())).problems).toHaveLength(1);
  closed = false;
  chmodSync(join(a.root, 'd/e'), 0o755);
  expect((await a.cycle(light('d'))).problems).toEqual([]);
});

test('R-D2: a file that is written to again and again has to hold still for longer, and once a minute it goes as it is', async () => {
  const home = temporaryDirectory();
  let aheadMs = 0;
  const time = { wallMs: () => Date.now() + aheadMs, monotonicMs: () => performance.now() + aheadMs };
  const a = memberIn(home, 'a', { time, config: { mode: 'lightweight' } });
  put(a, 'd/log', 'begun');
  await a.cycle();
  const published = async () => {
    put(a, 'd/log', `${performance.now()}`);
    put(a, `d/other-${performance.now()}`, '');
    return (await a.cycle(light('d'))).counts.published;
  };
  const counts: number[] = [];
  for (let i = 0; i < 14; i++) counts.push(await published());
  expect(counts.slice(0, 4)).toEqual([2, 2, 2, 2]);
  // How soon depends on how long a cycle takes here.
  expect(counts.at(-1)).toBe(1);
  // A whole look is what a person asks for.
  put(a, 'd/log', 'asked for');
  expect((await a.cycle({ log: 'next', sweep: true })).counts.published).toBe(1);
  expect(await published()).toBe(1);
  aheadMs = 61_000;
  expect(await published()).toBe(2);
});
