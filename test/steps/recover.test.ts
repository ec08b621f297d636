import { linkSync, mkdirSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { openShareTree } from '../../src/adapters/disk.ts';
import { systemOwners } from '../../src/adapters/owners.ts';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { systemTime } from '../../src/adapters/system.ts';
import type { FileEntry } from '../../src/model/entry.ts';
import type { PreciseStat, ShareTree } from '../../src/ports/filesystem.ts';
import type { Intent, Journal } from '../../src/ports/journal.ts';
import { recover } from '../../src/steps/recover.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';

const nowMs = 77;
const owners = systemOwners(systemTime);

let root: string;
let stage: string;
let trash: string;
let tree: ShareTree;
let journal: Journal;

beforeEach(() => {
  const home = temporaryDirectory();
  root = join(home, 'html');
  mkdirSync(join(root, 'dir'), { recursive: true });
  const disk = openShareTree({ root, shareName: 'web' });
  tree = disk;
  tree.prepareStaging();
  stage = join(home, '.flocksync-web', 'stage');
  trash = join(home, '.flocksync-web', 'trash');
  journal = openJournal({ file: join(home, 'journal') });
  onTestFinished(() => {
    journal.close();
    disk.close();
  });
});

const entry = (hash: string): FileEntry => ({
  ...{ kind: 'file', mode: 0o644, mtimeUs: 1, size: 3, hash: hash.repeat(64), chunks: null },
  ...{ owner: null, group: null },
});

/** Old version 1 stands, version 2 is staged, and the intents of the burst are in the journal. */
function burst(): Intent {
  const path = 'dir/page';
  writeFileSync(join(root, path), 'old');
  writeFileSync(join(stage, 'staged'), 'new');
  const { ino, size, mtimeKey } = tree.look(path) as PreciseStat;
  journal.putAgreed({ path, entry: entry('a'), version: 1, stamp: null });
  journal.putWant({ path, entry: entry('b'), version: 2, atMs: 0, approved: false, reason: 'pending', detail: '', attempts: 0 });
  const row = { name: 'kept', path, entry: entry('a'), atMs: 0, why: 'conflict' as const, owed: true, lostTo: 2 };
  journal.putTrash({ ...row, ino, size, mtimeKey });
  const intent = { path, version: 2, stagedIno: statSync(join(stage, 'staged')).ino, trashName: 'kept' };
  journal.putIntents([intent]);
  return intent;
}

function expectUndecided(): void {
  expect(journal.agreed('dir/page')?.version).toBe(1);
  expect(journal.want('dir/page')?.version).toBe(2);
  expect(journal.trash()).toEqual([]);
  expect(tree.listTrash()).toEqual([]);
  expect(journal.intents()).toEqual([]);
  expect(journal.audits(9)).toEqual([]);
}

test('R-I4: before the first step nothing has happened, and the row of the trash goes', () => {
  burst();
  recover({ tree, journal, owners }, nowMs);
  expectUndecided();
});

test('R-I4: linked into the trash, but not replaced: the old file stands, the link goes', () => {
  const { path } = burst();
  linkSync(join(root, path), join(trash, 'kept'));
  recover({ tree, journal, owners }, nowMs);
  expectUndecided();
});

test('R-I4: a placed file is the base, and what it displaced stays known and owed', () => {
  const { path } = burst();
  linkSync(join(root, path), join(trash, 'kept'));
  renameSync(join(stage, 'staged'), join(root, path));
  recover({ tree, journal, owners }, nowMs);
  expect(journal.agreed(path)).toMatchObject({ version: 2, stamp: null });
  expect(journal.want(path)).toBeNull();
  expect(journal.owedTrash().map((row) => row.name)).toEqual(['kept']);
  expect(journal.audits(9)).toEqual([{ atMs: nowMs, path, op: 'put', kind: 'file', size: 3, version: 2, author: '' }]);
});

test('R-I4: a deletion that was carried out is audited, though the kill kept it from being agreed on', () => {
  const { path } = burst();
  const want = { path, entry: null, version: 2, atMs: 0, approved: false, reason: 'pending' as const, detail: '', attempts: 0 };
  journal.putWant(want);
  renameSync(join(root, path), join(trash, 'kept'));
  recover({ tree, journal, owners }, nowMs);
  expect(journal.want(path)).toEqual(want);
  expect(journal.audits(9)).toEqual([{ atMs: nowMs, path, op: 'delete', kind: 'file', size: 3, version: 2, author: '' }]);
});

test('R-I4: an edit that took the place since then is not taken for the placed file', () => {
  const { path } = burst();
  linkSync(join(root, path), join(trash, 'kept'));
  writeFileSync(join(root, 'dir/edit'), 'edit');
  renameSync(join(root, 'dir/edit'), join(root, path));
  recover({ tree, journal, owners }, nowMs);
  expect(journal.agreed(path)?.version).toBe(1);
  expect(journal.want(path)?.version).toBe(2);
  expect(journal.owedTrash()).toHaveLength(1);
});

test('R-I4: a directory on the way that is gone, or has become a file, ends nothing', () => {
  burst();
  rmSync(join(root, 'dir'), { recursive: true });
  writeFileSync(join(root, 'dir'), 'a file now');
  recover({ tree, journal, owners }, nowMs);
  expectUndecided();
});

test('R-I4: a want that moved on since then keeps its base', () => {
  const { path } = burst();
  renameSync(join(stage, 'staged'), join(root, path));
  journal.putWant({ path, entry: entry('c'), version: 3, atMs: 0, approved: false, reason: 'pending', detail: '', attempts: 0 });
  recover({ tree, journal, owners }, nowMs);
  expect(journal.agreed(path)?.version).toBe(1);
  expect(journal.want(path)?.version).toBe(3);
});

test('R-I4: half a copy in the trash, where links are not possible, is no version: the old file stands', () => {
  burst();
  writeFileSync(join(trash, 'kept'), 'o');
  recover({ tree, journal, owners }, nowMs);
  expectUndecided();
});

/** A directory and a link that were announced; nothing has happened yet. */
function announced(): void {
  const wants = [
    { path: 'new', entry: { kind: 'dir' as const, mode: 0o755, owner: null, group: null } },
    { path: 'link', entry: { kind: 'link' as const, target: 'dir', owner: null, group: null } },
  ];
  for (const { path, entry } of wants)
    journal.putWant({ path, entry, version: 2, atMs: 0, approved: false, reason: 'pending', detail: '', attempts: 0 });
  journal.putIntents(wants.map(({ path }) => ({ path, version: 2, stagedIno: 0, trashName: '' })));
}

test('R-I4: a directory and a link that were made are the base as they look, and still wanted with their rights', () => {
  announced();
  mkdirSync(join(root, 'new'), { mode: 0o700 });
  symlinkSync('dir', join(root, 'link'));
  recover({ tree, journal, owners }, nowMs);
  expect(journal.agreed('new')).toMatchObject({ version: 2, stamp: null, entry: { kind: 'dir', mode: 0o700 } });
  expect(journal.agreed('link')).toMatchObject({ version: 2, stamp: null, entry: { kind: 'link', target: 'dir' } });
  expect([journal.want('new')?.version, journal.want('link')?.version, journal.intents()]).toEqual([2, 2, []]);
});

test('R-I4: what was not made yet, or is something else, is no base', () => {
  announced();
  symlinkSync('elsewhere', join(root, 'link'));
  recover({ tree, journal, owners }, nowMs);
  expect([journal.agreed('new'), journal.agreed('link')]).toEqual([null, null]);
});
