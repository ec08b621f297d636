import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Asked, knownStates } from '../../src/agent/earlier.ts';
import type { Restored } from '../../src/agent/restore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { housekept } from './housekept.ts';
import { memberIn, type TestMember } from './member.ts';

const options = { dryRun: false, signal: new AbortController().signal };
const version = (path: string, number: number): Asked => ({ ask: 'version', path, version: number, k: 0, exact: false });

async function bring(member: TestMember, asked: Asked): Promise<Restored> {
  return await member.agent.restore(asked, new Map(), options);
}

function read(member: TestMember, path: string): string | undefined {
  return existsSync(join(member.root, path)) ? readFileSync(join(member.root, path), 'utf8') : undefined;
}

/** Thirty records, in the course of which `d` was deleted; then a snapshot, and a new member that can read nothing below it. */
async function begun(cutoffMs: number): Promise<{ a: TestMember; c: TestMember }> {
  const home = temporaryDirectory();
  const a = memberIn(home, 'a');
  mkdirSync(join(a.root, 'd'));
  writeFileSync(join(a.root, 'd', 'y'), 'a file that is deleted');
  for (let round = 1; round <= 30; round++) {
    writeFileSync(join(a.root, 'x'), `version ${round}`.padEnd(10 + round));
    if (round === 10) rmSync(join(a.root, 'd'), { recursive: true });
    await a.cycle();
  }
  const bucket = housekept(join(home, 'bucket'), join(home, 'scratch'));
  const { upTo } = await bucket.compact({ cutoffMs });
  bucket.forget(upTo);
  const c = memberIn(home, 'c');
  await c.cycle();
  expect(c.journal.meta('loadedSnapshot')).toBeDefined();
  return { a, c };
}

test('R-H2: a member that began with a snapshot goes back as far as any other', async () => {
  const { a, c } = await begun(0);
  expect(knownStates(c.journal).oldest).toBe(0);
  expect(await bring(c, version('x', 2))).toMatchObject({ result: 'done', steps: [{ path: 'x' }] });
  expect(await bring(c, version('d/y', 1))).toMatchObject({ result: 'done', steps: [{ path: 'd' }, { path: 'd/y' }] });
  expect(await bring(c, { ask: 'undo', sequence: 10 })).toMatchObject({ result: 'done', steps: [], conflicts: [{ path: 'x' }] });
  await c.cycle();
  await a.cycle();
  for (const member of [a, c]) expect([read(member, 'x')?.trim(), read(member, 'd/y')]).toEqual(['version 2', 'a file that is deleted']);
});

test('R-H2: what is beyond retention is refused by every question, never half done', async () => {
  const { a, c } = await begun(Date.now() * 2);
  const known = knownStates(c.journal);
  expect(known.oldest).toBeGreaterThanOrEqual(30);
  expect(await bring(c, version('x', 2))).toMatchObject({ result: 'refused', refusal: { no: 'version' } });
  expect(await bring(c, version('', 9))).toMatchObject({ result: 'refused', refusal: { no: 'history', known } });
  expect(await bring(c, { ask: 'undo', sequence: 10 })).toMatchObject({ result: 'refused', refusal: { no: 'record' } });
  const when = { atMs: Date.now() - 60_000 };
  expect(await bring(c, { ask: 'time', path: 'x', when, exact: false })).toMatchObject({ result: 'refused', refusal: { no: 'history' } });
  // A member that followed the log still knows, and what it brings back is in the bucket.
  expect(await bring(a, version('x', 2))).toMatchObject({ result: 'done', steps: [{ path: 'x' }] });
  await a.cycle();
  await c.cycle();
  expect(read(c, 'x')?.trim()).toBe('version 2');
});
