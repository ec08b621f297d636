import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forgetLineage } from '../../src/agent/lineage.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Entry } from '../../src/model/entry.ts';
import type { Payload } from '../../src/model/record.ts';
import type { Journal } from '../../src/ports/journal.ts';
import { type FetchedSnapshot, lineageHolds, load as loading } from '../../src/steps/load.ts';
import { newJournal } from '../adapters/sqlite-fixture.ts';
import { changes, changeTo, follow, meet, shareFormat, snapshotOf, startMs } from './snapshot-of.ts';

/** Whole, without its pauses. */
function load(journal: Journal, snapshot: FetchedSnapshot): void {
  journal.transaction(() => {
    for (const pauses = loading(journal, snapshot); pauses.next().done !== true; );
  });
}

const dir: Entry = { kind: 'dir', mode: 0o755, owner: null, group: null };
const file = (text: string, mode = 0o644): Entry => ({
  ...{ kind: 'file', mode, mtimeUs: 1, owner: null, group: null, size: text.length, hash: contentHash(text), chunks: null },
});

/** Everything that the log says, as the journal holds it. */
function told(journal: Journal) {
  const records = [...journal.allRecords()];
  const logged = { versions: [...journal.allVersions()], locations: [...journal.allLocations()], records };
  const meta = (['cursor', 'cursorHash', 'digest'] as const).map((key) => journal.meta(key));
  return { ...logged, meta, snapshots: journal.snapshots(), retired: journal.retired() };
}

/** What disk and log have to do with each other. */
function standing(journal: Journal) {
  return { wants: journal.wants(), agreed: journal.agreedBelow(''), folded: [...journal.foldedAll()] };
}

function copyWith(payloads: readonly Payload[]): Journal {
  const journal = newJournal();
  for (const payload of payloads) follow(journal, payload);
  return journal;
}

const pack = '6'.repeat(32);
const located = (text: string) => ({
  hash: contentHash(text),
  size: text.length,
  pack,
  offset: 0,
  length: text.length,
  codec: 'none' as const,
});

/** A log with every kind of record that changes what a member knows. */
const history: readonly Payload[] = [
  changes({ op: 'put', path: 'd', base: 0, entry: dir }, { op: 'put', path: 'd/a', base: 0, entry: file('a') }),
  changes({ op: 'put', path: 'b', base: 0, entry: file('b') }),
  changes({ op: 'put', path: 'd/a', base: 1, entry: file('a2'), beats: 1 }, { op: 'kept', path: 'd/a', entry: file('a3'), lostTo: 0 }),
  { kind: 'pack', locations: [located('a'), located('b'), located('a2'), located('a3')], inline: [] },
  { kind: 'snapshot', id: 'f'.repeat(32), upTo: 2, previousHash: contentHash('record 2') },
  changes({ op: 'delete', path: 'b', base: 2 }),
  { kind: 'approve', record: 6 },
  { kind: 'retire', packs: ['7'.repeat(32)], bodies: ['8'.repeat(32)], snapshots: [] },
];

test('R-H3: a new member that loads a snapshot knows what one that folded the log knows', () => {
  const folded = copyWith(history);
  const loaded = newJournal();
  load(loaded, snapshotOf(folded));
  // What nothing names any more is no part of a snapshot; here every location is named.
  expect(told(loaded)).toEqual(told(folded));
  expect(standing(loaded)).toEqual(standing(folded));
  expect(loaded.want('b')).toMatchObject({ entry: null, version: 6, approved: true, atMs: startMs + 6000 });
  expect(['shareId', 'loadedSnapshot', 'historyFromMs', 'inlineFloor'].map((key) => loaded.meta(key as 'shareId'))).toEqual([
    shareFormat.share,
    'e'.repeat(32),
    '0',
    '8',
  ]);
  expect(JSON.parse(loaded.meta('format') ?? '')).toEqual(shareFormat);
});

test('R-H3: snapshot and tail are as much as the whole log', () => {
  for (let covered = 1; covered < history.length; covered++) {
    const loaded = newJournal();
    load(loaded, snapshotOf(copyWith(history.slice(0, covered))));
    for (const payload of history.slice(covered)) follow(loaded, payload);
    const folded = copyWith(history);
    expect(told(loaded), `${covered} records`).toEqual(told(folded));
    expect(standing(loaded), `${covered} records`).toEqual(standing(folded));
  }
});

test('R-L4: with the journal as base only what differs is wanted', () => {
  const log = newJournal();
  follow(log, changes({ op: 'put', path: 'same', base: 0, entry: file('1') }, { op: 'put', path: 'edited', base: 0, entry: file('1') }));
  follow(log, changes({ op: 'put', path: 'gone', base: 0, entry: file('1') }, { op: 'put', path: 'long gone', base: 0, entry: file('1') }));
  follow(log, changes({ op: 'put', path: 'gone before', base: 0, entry: file('1') }));
  follow(log, changes(changeTo(log, 'gone before', null)));
  const member = newJournal();
  load(member, snapshotOf(log));
  for (const path of ['same', 'edited', 'gone', 'long gone', 'gone before']) meet(member, path);
  follow(log, changes(changeTo(log, 'edited', file('2')), changeTo(log, 'gone', null)));
  follow(log, changes(changeTo(log, 'long gone', null)), { atMs: startMs });
  log.pruneVersions(startMs + 1);
  load(member, snapshotOf(log, { historyFromMs: startMs + 1 }));
  expect(member.wants()).toEqual([
    { path: 'edited', entry: file('2'), version: 5, atMs: startMs + 5000, approved: false, reason: 'pending', detail: '', attempts: 0 },
    { path: 'gone', entry: null, version: 5, atMs: startMs + 5000, approved: false, reason: 'pending', detail: '', attempts: 0 },
    { path: 'long gone', entry: null, version: 6, atMs: startMs + 1, approved: false, reason: 'pending', detail: '', attempts: 0 },
  ]);
  expect(member.agreed('same')?.version).toBe(1);
  expect([...member.foldedAll()].map(({ path }) => path)).toEqual(['edited', 'same']);
});

test('R-I1: a base that holds something else under the same number is no agreement', () => {
  const log = copyWith([changes({ op: 'put', path: 'a', base: 0, entry: file('1') }, { op: 'put', path: 'b', base: 0, entry: file('1') })]);
  const member = newJournal();
  load(member, snapshotOf(log));
  for (const path of ['a', 'b']) meet(member, path);
  member.putAgreed({ path: 'b', entry: file('1', 0o600), version: 1, stamp: null });
  load(member, snapshotOf(log));
  expect(member.wants().map(({ path, entry }) => [path, entry])).toEqual([['b', file('1')]]);
});

test('R-J5: what is excluded here stays excluded, whatever became of it', () => {
  const log = copyWith([changes(...['changed', 'gone', 'long gone', 'same'].map((path) => changeTo(newJournal(), path, file('1'))))]);
  const member = newJournal();
  load(member, snapshotOf(log));
  for (const path of ['changed', 'gone', 'long gone', 'same']) member.setWantReason(path, 'excluded', 'by the config', 0);
  follow(log, changes(changeTo(log, 'changed', file('2')), changeTo(log, 'gone', null)));
  follow(log, changes(changeTo(log, 'long gone', null)), { atMs: startMs });
  log.pruneVersions(startMs + 1);
  load(member, snapshotOf(log, { historyFromMs: startMs + 1 }));
  expect(member.wants().map(({ path, version, reason, entry }) => [path, version, reason, entry?.kind ?? null])).toEqual([
    ['changed', 2, 'excluded', 'file'],
    ['gone', 2, 'excluded', null],
    ['long gone', 3, 'excluded', null],
    ['same', 1, 'excluded', 'file'],
  ]);
});

test('R-G3: an approval that a snapshot carries reaches a deletion that is held here', () => {
  const log = copyWith([changes({ op: 'put', path: 'a', base: 0, entry: file('1') }), changes({ op: 'delete', path: 'a', base: 1 })]);
  const member = newJournal();
  load(member, snapshotOf(log));
  member.setWantReason('a', 'held', 'too many', 2);
  follow(log, { kind: 'need', hashes: [] });
  load(member, snapshotOf(log));
  expect(member.want('a')).toMatchObject({ reason: 'held', approved: false, attempts: 2 });
  follow(log, { kind: 'approve', record: 2 });
  load(member, snapshotOf(log));
  expect(member.want('a')).toMatchObject({ reason: 'pending', approved: true, detail: '' });
});

test('R-J1: what a join could not remove yet stays as it is wanted, since the log deleted that path before', () => {
  const log = copyWith([changes({ op: 'put', path: 'a', base: 0, entry: file('1') }), changes({ op: 'delete', path: 'a', base: 1 })]);
  const member = newJournal();
  follow(log, { kind: 'need', hashes: [] });
  load(member, snapshotOf(log));
  const left = { path: 'a', entry: null, version: 3, atMs: 7, approved: true, reason: 'busy', detail: 'it is open', attempts: 2 } as const;
  member.putWant(left);
  follow(log, { kind: 'need', hashes: [] });
  load(member, snapshotOf(log));
  expect(member.wants()).toEqual([left]);
});

test('R-P3: uploads of mine count no more after a snapshot was loaded, except where it lists them', () => {
  const log = copyWith(history);
  const member = newJournal();
  member.putUpload({ ...located('mine'), record: 0 }, startMs);
  member.putUpload({ ...located('a'), record: 0 }, startMs);
  load(member, snapshotOf(log));
  expect([member.upload(contentHash('mine'), 0), member.upload(contentHash('a'), 0)]).toEqual([null, null]);
  expect([member.hasLocation(contentHash('mine')), member.hasLocation(contentHash('a'))]).toEqual([false, true]);
});

test('a journal is never taken back by a snapshot, and a fault in the middle changes nothing', () => {
  const [log, member] = [copyWith(history), copyWith(history)];
  follow(member, changes({ op: 'put', path: 'newer', base: 0, entry: file('n') }));
  expect(() => load(member, snapshotOf(log))).toThrow(RangeError);
  const before = { told: told(member), standing: standing(member) };
  follow(log, changes({ op: 'put', path: 'x', base: 0, entry: file('x') }));
  const whole = snapshotOf(log);
  const items = function* () {
    let left = 12;
    for (const item of whole.items()) {
      if (left-- === 0) throw new Error('the disk fails');
      yield item;
    }
  };
  expect(() => load(member, { ...whole, items })).toThrow('the disk fails');
  expect({ told: told(member), standing: standing(member) }).toEqual(before);
});

test('R-L4: a lineage holds exactly the records that are in it', () => {
  const log = newJournal();
  for (let sequence = 1; sequence <= 2100; sequence++) follow(log, { kind: 'need', hashes: [] });
  const snapshot = snapshotOf(log);
  for (const sequence of [1, 2, 999, 1000, 1001, 2000, 2001, 2100]) {
    expect(lineageHolds(snapshot, sequence, contentHash(`record ${sequence}`)), String(sequence)).toBe(true);
    expect(lineageHolds(snapshot, sequence, contentHash('another')), String(sequence)).toBe(false);
  }
  expect(lineageHolds(snapshot, 0, '0'.repeat(64))).toBe(true);
  expect(lineageHolds(snapshot, 2101, contentHash('record 2101'))).toBe(false);
});

const paths = ['a', 'a/x', 'a/y', 'b', 'c'] as const;
const step = fc.record({ path: fc.constantFrom(...paths), to: fc.constantFrom('none', 'dir', '1', '2', '3'), met: fc.boolean() });

/** A change that fits, or undefined where it would leave an ill-formed tree or change nothing. */
function fitting(journal: Journal, path: string, to: string): Payload | undefined {
  const parent = path.includes('/') ? journal.folded('a')?.entry.kind : 'dir';
  const entry = to === 'none' ? null : to === 'dir' ? dir : file(to);
  const now = journal.folded(path);
  if ((entry !== null && parent !== 'dir') || (entry === null && now === null)) return undefined;
  if (entry?.kind !== 'dir' && journal.foldedAnyBelow(path)) return undefined;
  return changes(changeTo(journal, path, entry));
}

test('R-H3 R-L4: whatever was applied before, a base with a snapshot wants what it would want with the records', () => {
  const [log, following, returning] = [newJournal(), newJournal(), newJournal()];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 14 }), fc.nat(14), (steps, known) => {
      for (const journal of [log, following, returning]) forgetLineage(journal);
      steps.forEach(({ path, to, met }, index) => {
        const payload = fitting(log, path, to);
        if (payload === undefined) return;
        follow(log, payload);
        follow(following, payload);
        if (index >= known) return;
        follow(returning, payload);
        for (const member of met ? [following, returning] : []) for (const each of paths) meet(member, each);
      });
      if (log.meta('cursor') === undefined) return;
      load(returning, snapshotOf(log));
      expect(told(returning)).toEqual(told(following));
      expect(standing(returning)).toEqual(standing(following));
    }),
    { numRuns: 300 },
  );
});
