import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { forgetBase } from '../../src/agent/lineage.ts';
import type { ShareConfig } from '../../src/config-types.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { housekept } from './housekept.ts';
import { memberIn, type TestMember } from './member.ts';

function put(member: TestMember, files: Readonly<Record<string, string>>): void {
  mkdirSync(member.root, { recursive: true });
  for (const [path, text] of Object.entries(files)) writeFileSync(join(member.root, path), text);
}

function tree(member: TestMember): Record<string, string> {
  const names = readdirSync(member.root).filter((name) => name !== '.flocksync');
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(member.root, name), 'utf8')]));
}

/** Both hold kept, changed and missing; gone was deleted; then b's disk goes wrong in every way. */
async function spoilt(config: Partial<ShareConfig> = {}) {
  const home = temporaryDirectory();
  const [a, b] = [memberIn(home, 'a'), memberIn(home, 'b', { config })];
  put(a, { kept: 'kept', changed: 'changed', missing: 'missing', gone: 'gone' });
  await a.cycle();
  await b.cycle();
  rmSync(join(a.root, 'gone'));
  await a.cycle();
  await b.cycle();
  put(b, { changed: 'spoilt', mine: 'only here', gone: 'gone' });
  rmSync(join(b.root, 'missing'));
  return { home, a, b };
}

const healthy = { kept: 'kept', changed: 'changed', missing: 'missing' };

test('R-J1: after its base was set aside a member joins: the log wins, nothing of its disk is published, the trash has it', async () => {
  const { a, b } = await spoilt();
  const head = a.journal.meta('cursor');
  forgetBase(b.journal, 'trash');
  const outcome = await b.cycle();
  expect(outcome.events.join()).toContain('go to the trash: changed, gone, mine');
  expect(tree(b)).toEqual(healthy);
  expect(b.journal.meta('cursor')).toBe(head);
  const trash = b.journal.trash().filter(({ why }) => why === 'join');
  expect(trash.map(({ path }) => path).sort()).toEqual(['changed', 'gone', 'mine']);
  expect((await b.cycle()).events).toEqual([]);
  expect([b.journal.meta('joined'), b.journal.meta('joinBase')]).toEqual(['1', undefined]);
  expect(b.journal.meta('digest')).toBe(a.journal.meta('digest'));
});

test('R-J2: with merge what only it has is published, but not what the share has deleted', async () => {
  const { a, b } = await spoilt();
  forgetBase(b.journal, 'merge');
  await b.cycle();
  await a.cycle();
  for (const member of [a, b]) expect(tree(member)).toEqual({ ...healthy, mine: 'only here' });
});

test('what is asked for at the time goes before `join` of the config', async () => {
  const { b } = await spoilt({ join: 'merge' });
  forgetBase(b.journal, 'trash');
  await b.cycle();
  expect(tree(b)).toEqual(healthy);
});

test('R-J3: a member that remembers its last position joins like a new one, also from behind a snapshot', async () => {
  const { home, a, b } = await spoilt();
  const bucket = housekept(join(home, 'bucket'), join(home, 'scratch'));
  put(a, { later: 'later' });
  await a.cycle();
  expect(existsSync(join(home, 'b', 'state', 'member.json'))).toBe(true);
  const { upTo } = await bucket.compact();
  await a.cycle();
  bucket.forget(upTo);
  forgetBase(b.journal, 'trash');
  await b.cycle();
  expect(tree(b)).toEqual({ ...healthy, later: 'later' });
});
