import { describe, expect, test } from 'vitest';
import {
  type Announced,
  agesOf,
  deletableRecords,
  fateOf,
  isCareDue,
  isSnapshotDue,
  jitterOf,
  outdated,
  ripe,
  type Standing,
} from '../../src/model/housekeeping.ts';

const hour = 3600 * 1000;
const day = 24 * hour;
const now = 1000 * day;

describe('ages', () => {
  test('R-P3, R-L6: a day for the log and for what is retired, a week for what nothing names', () => {
    expect(agesOf(30 * day)).toEqual({
      ...{ historyMs: 30 * day, logGraceMs: day, retireGraceMs: day, unreferencedMs: 7 * day, uploadTrustedMs: 6 * day },
      retiredKnownMs: 8 * day,
    });
  });

  test.each([2 * day, hour, 2000, 0])('a history of %i ms shortens what is longer', (historyMs) => {
    const ages = agesOf(historyMs);
    for (const age of [ages.logGraceMs, ages.retireGraceMs, ages.unreferencedMs, ages.uploadTrustedMs])
      expect(age).toBeLessThanOrEqual(historyMs);
    if (historyMs > 0) expect(ages.uploadTrustedMs).toBeLessThan(ages.unreferencedMs);
    expect(ages.retiredKnownMs - ages.retireGraceMs).toBe(7 * day);
  });
});

const standing: Standing = { cursor: 100, liveEntries: () => 50, newest: null, sinceMs: now - hour, changed: true, doneAtMs: 0, jitter: 0 };
const at = (upTo: number, atMs: number): Announced => ({ id: `s${upTo}`, upTo, atMs });

describe('what is due', () => {
  test.each<[string, Partial<Standing>, boolean]>([
    ['a young log', {}, false],
    ['nothing at all', { cursor: 0, sinceMs: 0 }, false],
    ['200 records', { cursor: 200 }, true],
    ['200 records, but this member waits longer', { cursor: 200, jitter: 0.5 }, false],
    ['300 records and it', { cursor: 300, jitter: 0.5 }, true],
    ['200 records behind a snapshot', { cursor: 500, newest: at(300, now) }, true],
    ['199 behind it', { cursor: 499, newest: at(300, now) }, false],
    ['200 records of a large share', { cursor: 200, liveEntries: () => 1_000_000 }, false],
    ['10,000 of it', { cursor: 10_000, liveEntries: () => 1_000_000 }, true],
    ['a day without a snapshot', { sinceMs: now - day }, true],
    ['a day since the newest', { newest: at(90, now - day) }, true],
    ['a day, but this member waits longer', { newest: at(90, now - day), jitter: 0.1 }, false],
    ['a day without a change', { newest: at(90, now - day), changed: false }, false],
    ['1000 records without a change', { cursor: 1000, changed: false }, false],
  ])('snapshot: %s', (_, facts, due) => expect(isSnapshotDue({ ...standing, ...facts }, now)).toBe(due));

  test.each<[string, Partial<Standing>, boolean]>([
    ['a new share', {}, false],
    ['never, for a day', { sinceMs: now - day }, true],
    ['done an hour ago', { sinceMs: now - 9 * day, doneAtMs: now - hour }, false],
    ['done a day ago', { sinceMs: now - 9 * day, doneAtMs: now - day }, true],
    ['done a day ago, and this member waits longer', { sinceMs: now - 9 * day, doneAtMs: now - day, jitter: 1 }, false],
    ['no record', { cursor: 0, sinceMs: 0 }, false],
  ])('care: %s', (_, facts, due) => expect(isCareDue({ ...standing, ...facts }, now)).toBe(due));

  test('jitter differs between members and lies below 1', () => {
    expect([jitterOf('00000000ff'), jitterOf('80000000ff'), jitterOf('ffffffffff') < 1]).toEqual([0, 0.5, true]);
  });
});

describe('R-H2, R-L6: snapshots', () => {
  const ages = agesOf(30 * day);
  test('records go only below a snapshot that was announced a day ago', () => {
    expect(ripe([at(10, now - 3 * day), at(20, now - day), at(30, now - hour)], ages, now)?.upTo).toBe(20);
    expect(ripe([at(30, now - hour)], ages, now)).toBeNull();
    expect(ripe([], ages, now)).toBeNull();
  });

  test('the older ones go once a newer one is ripe; the newest never does', () => {
    const all = [at(10, now - 3 * day), at(20, now - day), at(30, now - hour)];
    expect(outdated(all, ages, now).map(({ upTo }) => upTo)).toEqual([10]);
    expect(outdated([at(30, now - 99 * day)], ages, now)).toEqual([]);
    expect(outdated([at(20, now - hour), at(30, now - hour)], ages, now)).toEqual([]);
  });

  test('of two up to the same record one stays', () => {
    const twins = [
      { id: 'a', upTo: 9, atMs: now - 2 * day },
      { id: 'b', upTo: 9, atMs: now - 2 * day },
    ];
    expect(outdated(twins, ages, now)).toHaveLength(1);
  });
});

describe('R-L6: the log', () => {
  test.each([
    { listed: [1, 2, 3, 4, 5], coveredUpTo: 3, head: 5, soleFrom: null, gone: [1, 2, 3] },
    { listed: [1, 2, 3, 4, 5], coveredUpTo: 5, head: 5, soleFrom: null, gone: [1, 2, 3] },
    { listed: [1, 2, 3, 4, 5], coveredUpTo: 5, head: 5, soleFrom: 2, gone: [1] },
    { listed: [4, 5], coveredUpTo: 5, head: 5, soleFrom: null, gone: [] },
    { listed: [1], coveredUpTo: 1, head: 1, soleFrom: null, gone: [] },
    { listed: [3, 1, 2], coveredUpTo: 0, head: 3, soleFrom: null, gone: [] },
  ])('$listed below $coveredUpTo', ({ listed, gone, ...bounds }) => expect(deletableRecords(listed, bounds)).toEqual(gone));
});

describe('R-P3: packs', () => {
  const ages = agesOf(30 * day);
  const pack = { id: 'p', bytes: 1000, modifiedMs: now - 8 * day, indexed: true, homeBytes: 1000 };
  test.each([
    ['all live', {}, 'keep'],
    ['half live', { homeBytes: 500 }, 'keep'],
    ['less than half live', { homeBytes: 499 }, 'repack'],
    ['nothing live', { homeBytes: 0 }, 'dead'],
    ['nothing live, just written', { homeBytes: 0, modifiedMs: now }, 'dead'],
    ['named by nothing for a week', { indexed: false, homeBytes: 0, modifiedMs: now - 7 * day }, 'stray'],
    ['named by nothing yet', { indexed: false, homeBytes: 0, modifiedMs: now - 7 * day + 1 }, 'keep'],
  ])('%s', (_, facts, fate) => expect(fateOf({ ...pack, ...facts }, ages, now)).toBe(fate));
});
