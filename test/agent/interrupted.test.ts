import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { differences, snapshot } from '../e2e/support/tree.ts';
import { memberIn, type TestMember } from './member.ts';

const mebibyte = 1024 * 1024;

/** Aborts at the `at`-th call of the store. */
function stopping() {
  let [calls, at] = [0, Number.POSITIVE_INFINITY];
  let stop = new AbortController();
  const through = (store: Datastore): Datastore =>
    new Proxy(store, {
      get: (target, name, receiver) => {
        const value = Reflect.get(target, name, receiver) as unknown;
        if (typeof value !== 'function' || name === 'close') return value;
        return (...args: unknown[]) => {
          if (++calls === at) stop.abort();
          return (value as (...args: unknown[]) => unknown).apply(target, args);
        };
      },
    });
  const arm = (call: number) => {
    stop = new AbortController();
    [calls, at] = [0, call];
    return stop.signal;
  };
  return { through, arm, reached: () => calls >= at };
}

function change(member: TestMember, round: number): void {
  const path = (name: string) => join(member.root, name);
  mkdirSync(path(`new-${round}/deep`), { recursive: true });
  for (let n = 0; n < 6; n++) writeFileSync(path(`new-${round}/deep/${n}`), randomBytes(mebibyte));
  writeFileSync(path(`new-${round}/several chunks`), randomBytes(10 * mebibyte));
  writeFileSync(path('edited'), `edit ${round}`);
  if (round > 0) rmSync(path(`new-${round - 1}`), { recursive: true });
}

function filesIn(member: TestMember, round: number): number {
  return readdirSync(join(member.root, `new-${round}`), { recursive: true }).length;
}

const lasting = new AbortController().signal;

test('R-I4: a cycle that is told to stop at any call of the store loses nothing, and the next one completes it', {
  timeout: 120_000,
}, async () => {
  const home = temporaryDirectory();
  const [atA, atB] = [stopping(), stopping()];
  const maxDelete = { percent: 100, percentBelow40: 100, floor: 1000, windowMs: 0 };
  const a = memberIn(home, 'a', { through: atA.through, config: { maxDelete } });
  const b = memberIn(home, 'b', { through: atB.through, config: { maxDelete } });
  let stopped = 0;
  for (let round = 0, more = true; more; round++) {
    change(a, round);
    const cut = await a.cycle({ signal: atA.arm(round + 1), lasting });
    more = atA.reached();
    expect(cut.halt).toBeNull();
    // What is asked for in between is published, and nothing else of what was cut short.
    writeFileSync(join(a.root, 'asked'), `asked ${round}`);
    await a.cycle({ only: 'publish', scope: { kind: 'below', paths: ['asked'] } });
    await b.cycle({ signal: atB.arm(round + 1), lasting });
    more ||= atB.reached();
    // A new directory appears with all that it holds, or not yet.
    if (existsSync(join(b.root, `new-${round}`))) expect(filesIn(b, round)).toBe(filesIn(a, round));
    if (more) stopped++;
    for (const member of [a, b, a, b]) expect(await member.cycle()).toMatchObject({ problems: [], events: [], unfinished: false });
    expect(differences(snapshot(a.root), snapshot(b.root))).toEqual([]);
    expect(readFileSync(join(b.root, 'asked'), 'utf8')).toBe(`asked ${round}`);
    expect(b.journal.conflicts(10)).toEqual([]);
  }
  expect(stopped).toBeGreaterThan(8);
});

test('a cycle for a path publishes that alone, and is quick about the rest', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  writeFileSync(join(a.root, 'first'), 'first');
  await a.cycle();
  for (const name of ['asked/deep/one', 'asked/two', 'other/three']) {
    mkdirSync(join(a.root, name, '..'), { recursive: true });
    writeFileSync(join(a.root, name), name);
  }
  const outcome = await a.cycle({ only: 'publish', scope: { kind: 'below', paths: ['asked/deep'] } });
  expect(outcome).toMatchObject({ problems: [], unfinished: false, counts: { published: 3 } });
  expect(a.journal.folded('asked/deep/one')).not.toBeNull();
  for (const path of ['asked/two', 'other', 'other/three']) expect(a.journal.folded(path)).toBeNull();
  expect(await a.cycle()).toMatchObject({ problems: [], counts: { published: 3 } });
});

test('a large file that is asked for does not queue behind those that are on their way', async () => {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  writeFileSync(join(a.root, 'first'), 'first');
  await a.cycle();
  writeFileSync(join(a.root, 'large'), randomBytes(40 * mebibyte));
  expect(await a.cycle()).toMatchObject({ unfinished: true });
  writeFileSync(join(a.root, 'asked'), randomBytes(20 * mebibyte));
  const outcome = await a.cycle({ only: 'publish', scope: { kind: 'below', paths: ['asked'] } });
  expect(outcome).toMatchObject({ problems: [], unfinished: false, counts: { published: 1 } });
  expect(a.journal.folded('asked')).not.toBeNull();
  while ((await a.cycle()).unfinished) await Promise.all([...a.agent.memory.uploads.values()].map(({ done }) => done));
  expect(a.journal.folded('large')).not.toBeNull();
});

test('R-P4: a changeset that was begun stays open when something was asked for in between', async () => {
  const home = temporaryDirectory();
  const store = stopping();
  const a = memberIn(home, 'a', { through: store.through });
  writeFileSync(join(a.root, 'first'), 'first');
  await a.cycle();
  a.journal.setMeta('openChangeset', 'aaaaaaaaaaaaaaaa');
  for (const name of ['asked', 'rest']) writeFileSync(join(a.root, name), name);
  await a.cycle({ only: 'publish', scope: { kind: 'below', paths: ['asked'] } });
  const [record] = a.journal.records(1);
  expect(record).toMatchObject({ more: true });
  expect(a.journal.meta('openChangeset')).toBe('aaaaaaaaaaaaaaaa');
  await a.cycle();
  expect(a.journal.records(1)[0]).toMatchObject({ more: false });
  expect(a.journal.meta('openChangeset')).toBeUndefined();
});
