import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Asked } from '../../src/agent/earlier.ts';
import type { Restored } from '../../src/agent/restore.ts';
import { type Datastore, DatastoreFault } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const options = { dryRun: false, signal: new AbortController().signal };

function write(member: TestMember, path: string, text: string): void {
  writeFileSync(join(member.root, path), text);
}

function read(member: TestMember, path: string): string {
  return readFileSync(join(member.root, path), 'utf8');
}

async function bring(member: TestMember, asked: Asked): Promise<Restored> {
  return await member.agent.restore(asked, new Map(), options);
}

const version = (path: string, number: number): Asked => ({ ask: 'version', path, version: number, k: 0, exact: false });

/** Calls `before` ahead of the next record that is put, or makes the put's answer and all that follows fail, as a kill would. */
function interposed(): {
  through: (datastore: Datastore) => Datastore;
  before: (() => Promise<unknown>) | null;
  dead: boolean;
  armed: boolean;
} {
  const state = {
    before: null as (() => Promise<unknown>) | null,
    armed: false,
    dead: false,
    through: (datastore: Datastore): Datastore => {
      const alive = () => {
        if (state.dead) throw new DatastoreFault('permanent', 'unreachable', 'gone', '');
      };
      const putIfAbsent: Datastore['putIfAbsent'] = async (key, bytes) => {
        const before = state.before;
        state.before = null;
        await before?.();
        const answer = await datastore.putIfAbsent(key, bytes);
        state.dead ||= state.armed;
        alive();
        return answer;
      };
      const get: Datastore['get'] = async (key, how) => {
        alive();
        return await datastore.get(key, how);
      };
      return new Proxy(datastore, {
        get: (target, name) => {
          if (name === 'putIfAbsent') return putIfAbsent;
          if (name === 'get') return get;
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    },
  };
  return state;
}

/** Two members with `x` in its second version on both; the third one, of a, has reached b's journal and not its disk. */
async function behind(through?: (datastore: Datastore) => Datastore): Promise<{ a: TestMember; b: TestMember }> {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  const b = memberIn(home, 'b', through === undefined ? {} : { through });
  for (const text of ['one', 'second', 'the third']) {
    write(a, 'x', text);
    await a.cycle();
    if (text !== 'the third') await b.cycle();
  }
  await b.cycle({ only: 'publish' });
  expect(b.journal.want('x')?.version).toBe(3);
  expect(read(b, 'x')).toBe('second');
  return { a, b };
}

test('R-I1: what waits to be applied is replaced by the earlier state, and the disk has changed nothing itself', async () => {
  const { a, b } = await behind();
  expect(await bring(b, version('x', 1))).toMatchObject({ result: 'done', records: [4] });
  const outcome = await b.cycle();
  expect(outcome.counts).toMatchObject({ published: 0, conflicts: 0, applied: 1 });
  await a.cycle();
  expect([read(a, 'x'), read(b, 'x'), a.journal.meta('cursor')]).toEqual(['one', 'one', '4']);
});

test('R-S1: killed behind the put, the next cycle finishes what was asked for, and no more', async () => {
  const store = interposed();
  const { a, b } = await behind(store.through);
  store.armed = true;
  await expect(bring(b, version('x', 1))).rejects.toThrow();
  Object.assign(store, { armed: false, dead: false });
  expect(b.journal.outbox()?.notOnDisk).toBeNull();
  const outcome = await b.cycle();
  expect(outcome.counts).toMatchObject({ published: 0, conflicts: 0, applied: 1 });
  await a.cycle();
  expect([read(a, 'x'), read(b, 'x'), a.journal.meta('cursor')]).toEqual(['one', 'one', '4']);
});

test('R-S1 R-G2: deletions of an undo that was killed are no deletions of this member', async () => {
  const store = interposed();
  const a = memberIn(temporaryDirectory(), 'a', { through: store.through });
  for (const path of ['x', 'y']) {
    write(a, path, path);
    await a.cycle();
  }
  store.armed = true;
  await expect(bring(a, { ask: 'undo', sequence: 2 })).rejects.toThrow();
  Object.assign(store, { armed: false, dead: false });
  await a.cycle();
  expect([readdirSync(a.root), a.journal.deletionsSince(0)]).toEqual([['x'], 0]);
});

test('R-S2: another record in between is taken in, and the way back decided anew', async () => {
  const store = interposed();
  const { a, b } = await behind(store.through);
  store.before = async () => {
    write(a, 'x', 'the fourth, meanwhile');
    await a.cycle();
  };
  expect(await bring(b, version('x', 1))).toMatchObject({ result: 'done', records: [5], steps: [{ base: 4 }] });
  await b.cycle();
  await a.cycle();
  expect([read(a, 'x'), read(b, 'x')]).toEqual(['one', 'one']);
  expect(await bring(a, version('x', 4))).toMatchObject({ result: 'done', records: [6] });
});

test('R-S2: an undo that loses the race leaves alone what the other record has changed', async () => {
  const store = interposed();
  const { a, b } = await behind(store.through);
  store.before = async () => {
    write(a, 'x', 'the fourth, meanwhile');
    await a.cycle();
  };
  const undone = await bring(b, { ask: 'undo', sequence: 3 });
  expect(undone).toMatchObject({ result: 'done', records: [], conflicts: [{ path: 'x', why: 'changed', changedBy: 4 }] });
});

test('R-G3: what goes on a way back is approved, and so is what is cut to nothing', async () => {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b')];
  for (let i = 0; i < 60; i++) write(a, `f${i}`, '');
  await a.cycle();
  for (let i = 0; i < 60; i++) write(a, `f${i}`, `content ${i}`);
  for (let i = 0; i < 60; i++) write(a, `g${i}`, `other ${i}`);
  await a.cycle();
  await b.cycle();
  expect(await bring(a, { ask: 'undo', sequence: 2 })).toMatchObject({ result: 'done', conflicts: [] });
  for (const member of [a, b]) {
    const outcome = await member.cycle();
    expect([outcome.held, outcome.counts.removed, outcome.counts.applied]).toEqual([false, 60, 60]);
    expect(read(member, 'f0')).toBe('');
  }
  // Nor does it count towards what this member may delete on its own.
  expect(a.journal.deletionsSince(0)).toBe(0);
});

test('R-B2: behind a record that cannot be read nothing is appended', async () => {
  const { a, b } = await behind();
  for (const path of ['y', 'z']) {
    write(a, path, path);
    await a.cycle();
  }
  const log = join(a.root, '..', '..', 'bucket', 'shop', 'webroot', 'log');
  rmSync(join(log, '0000000000000004'));
  expect(await bring(b, version('x', 1))).toMatchObject({ result: 'stopped', why: expect.stringContaining('record 4') });
  expect(readdirSync(log).filter((name) => /^\d/.test(name))).toHaveLength(4);
});
