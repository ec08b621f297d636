import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FileEntry } from '../../src/model/entry.ts';
import type { GuardInput, Loss, MaxDelete } from '../../src/model/guard.ts';
import { guardLosses } from '../../src/model/guard.ts';

const limit: MaxDelete = { percent: 20, percentBelow40: 50, floor: 20, windowMs: 600_000 };
const file = (hash: string, size = 1): FileEntry => ({
  kind: 'file',
  mode: 0o644,
  mtimeUs: 1,
  size,
  hash,
  chunks: null,
  owner: null,
  group: null,
});
const name = (index: number) => `f${String(index).padStart(6, '0')}`;

/** `count` deletions of different contents, all at one moment. */
function losses(count: number, atMs = 0, from = 0): Loss[] {
  return Array.from({ length: count }, (_, i) => ({ path: name(from + i), before: file(`h${from + i}`), atMs, truncation: false }));
}

const held = (input: Partial<GuardInput>, by: Partial<MaxDelete> = {}) =>
  guardLosses({ losses: [], appearing: [], live: 1000, recent: 0, ...input }, { ...limit, ...by });
const count = (input: Partial<GuardInput>, by: Partial<MaxDelete> = {}) => held(input, by).length;

describe('G2: held when more than floor and more than percent', () => {
  test.each([
    { name: 'exactly percent', gone: 200, live: 1000, expected: 0 },
    { name: 'one more than percent', gone: 201, live: 1000, expected: 201 },
    { name: 'percent of an odd number is not rounded', gone: 21, live: 104, expected: 21 },
    { name: 'exactly percent of 105', gone: 21, live: 105, expected: 0 },
    { name: 'exactly floor, far above percent', gone: 20, live: 40, expected: 0 },
    { name: 'one more than floor, above percent', gone: 21, live: 40, expected: 21 },
    { name: 'everything', gone: 1000, live: 1000, expected: 1000 },
    { name: 'nothing', gone: 0, live: 1000, expected: 0 },
    { name: 'losses of a share that is empty by its own account', gone: 21, live: 0, expected: 21 },
  ])('$name: $gone of $live', ({ gone, live, expected }) => expect(count({ losses: losses(gone), live })).toBe(expected));

  test('holds by name, in byte order', () => {
    const reversed = losses(30).reverse();
    expect(held({ losses: reversed, live: 60 })).toEqual(losses(30).map(({ path }) => path));
  });
});

describe('G2: a share below 40 files', () => {
  test('has a percent of its own', () => {
    expect(count({ losses: losses(10), live: 39 }, { floor: 5 })).toBe(0);
    expect(count({ losses: losses(19), live: 39 }, { floor: 5 })).toBe(0);
    expect(count({ losses: losses(20), live: 39 }, { floor: 5 })).toBe(20);
    expect(count({ losses: losses(9), live: 40 }, { floor: 5 })).toBe(9);
  });
  test('a configured percent counts there too', () => {
    expect(count({ losses: losses(10), live: 39 }, { floor: 5, percentBelow40: 20 })).toBe(10);
  });
  test('it is small by what it was before the window’s losses', () => {
    expect(count({ losses: losses(9), live: 30, recent: 10 }, { floor: 5 })).toBe(9);
  });
  test('the floor lets a tiny share be emptied file by file', () => expect(count({ losses: losses(20), live: 20 })).toBe(0));
});

describe('G2: limits that a config may set', () => {
  test('a percent of 100 holds nothing', () => expect(count({ losses: losses(1000) }, { percent: 100, floor: 0 })).toBe(0));
  test('zero and zero hold every loss', () => expect(count({ losses: losses(1) }, { percent: 0, floor: 0 })).toBe(1));
});

describe('G2: a move excuses one deletion of equal, non-empty content, one to one', () => {
  const moved = (from: number, to: number) => losses(to - from, 0, from).map(({ before }) => before as FileEntry);

  test('a renamed directory is no loss', () => expect(count({ losses: losses(900), appearing: moved(0, 900) })).toBe(0));
  test('one new path excuses one deletion only', () => {
    const copies = losses(300).map((loss) => ({ ...loss, before: file('same') }));
    expect(count({ losses: copies, appearing: [file('same')] })).toBe(299);
    expect(count({ losses: copies, appearing: Array.from({ length: 100 }, () => file('same')) })).toBe(0);
    expect(count({ losses: copies, appearing: Array.from({ length: 99 }, () => file('same')) })).toBe(201);
  });
  test('other content excuses nothing', () => expect(count({ losses: losses(300), appearing: moved(300, 600) })).toBe(300));
  test('excused losses do not push the others over the limit', () => {
    expect(count({ losses: losses(400), appearing: moved(0, 200) })).toBe(0);
    expect(held({ losses: losses(401), appearing: moved(0, 200) })[0]).toBe(name(200));
  });
  test('an empty file is never excused', () => {
    const empty = losses(300).map((loss) => ({ ...loss, before: file('empty', 0) }));
    expect(count({ losses: empty, appearing: Array.from({ length: 300 }, () => file('empty', 0)) })).toBe(300);
  });
  test('a link is never excused', () => {
    const links = losses(300).map((loss) => ({ ...loss, before: { kind: 'link', target: 't', owner: null, group: null } as const }));
    expect(count({ losses: links, appearing: moved(0, 300) })).toBe(300);
  });
  test('a truncation is a loss and is never excused', () => {
    const cut = losses(300).map((loss) => ({ ...loss, truncation: true }));
    expect(count({ losses: cut })).toBe(300);
    expect(count({ losses: cut, appearing: moved(0, 300) })).toBe(300);
    expect(count({ losses: [...cut.slice(0, 150), ...losses(100, 0, 500)] })).toBe(250);
  });
});

describe('G2: the window', () => {
  test('losses of a publisher that were let through inside the window count, but are not held again', () => {
    expect(count({ losses: losses(100), live: 900, recent: 100 })).toBe(0);
    expect(count({ losses: losses(101), live: 900, recent: 100 })).toBe(101);
  });
  test('slow losses of a receiver pass, however many', () => {
    const slow = Array.from({ length: 9 }, (_, hour) => losses(100, hour * 3_600_000, hour * 100)).flat();
    expect(count({ losses: slow })).toBe(0);
  });
  test('both ends belong to the window', () => {
    expect(count({ losses: [...losses(150, 0), ...losses(150, 600_000, 150)] })).toBe(300);
    expect(count({ losses: [...losses(150, 0), ...losses(150, 600_001, 150)] })).toBe(0);
  });
  test('a window slides: two harmless ones may hide a bad one between them', () => {
    const spread = [...losses(150, 0), ...losses(101, 500_000, 150), ...losses(100, 1_000_000, 300)];
    expect(held({ losses: spread })).toEqual(spread.map(({ path }) => path));
  });
  test('only the window that is too full is held', () => {
    const spread = [...losses(100, 0), ...losses(300, 3_600_000, 100), ...losses(100, 7_200_000, 400)];
    expect(held({ losses: spread })).toEqual(losses(300, 0, 100).map(({ path }) => path));
  });
  test('the order in which losses come does not matter', () => {
    const spread = [...losses(100, 0), ...losses(300, 3_600_000, 100), ...losses(100, 7_200_000, 400)];
    fc.assert(
      fc.property(fc.shuffledSubarray(spread, { minLength: spread.length }), (shuffled) => {
        expect(held({ losses: shuffled })).toEqual(held({ losses: spread }));
      }),
      { numRuns: 20 },
    );
  });
});

describe('G2: laws', () => {
  const anyLosses = fc.array(
    fc.record({
      path: fc.nat({ max: 400 }).map(name),
      before: fc.nat({ max: 5 }).map((n) => file(`h${n}`, n)),
      atMs: fc.nat({ max: 3_000_000 }),
      truncation: fc.boolean(),
    }),
    { maxLength: 60 },
  );
  const anyAppearing = fc.array(
    fc.nat({ max: 5 }).map((n) => file(`h${n}`, n)),
    { maxLength: 10 },
  );

  test('a loss is held exactly when some window that holds it is too full', () => {
    fc.assert(
      fc.property(anyLosses, fc.nat({ max: 120 }), fc.nat({ max: 10 }), (all, live, recent) => {
        const percent = live + recent < 40 ? 50 : 20;
        const inWindow = (from: Loss) => all.filter(({ atMs }) => atMs >= from.atMs && atMs - from.atMs <= limit.windowMs);
        const full = all
          .map(inWindow)
          .filter((window) => window.length + recent > 5 && (window.length + recent) * 100 > percent * (live + recent));
        const expected = [...new Set(full.flat().map(({ path }) => path))].sort();
        expect(held({ losses: all, live, recent }, { floor: 5 })).toEqual(expected);
      }),
    );
  });
  test('what appears never makes more held', () => {
    fc.assert(
      fc.property(anyLosses, anyAppearing, (all, appearing) => {
        expect(count({ losses: all, appearing, live: 60 }, { floor: 5 })).toBeLessThanOrEqual(
          count({ losses: all, live: 60 }, { floor: 5 }),
        );
      }),
    );
  });
});

/** Counts look-ups instead of measuring time, so that a busy machine cannot make it fail. */
test('G2: 40,000 losses cost a few looks each', () => {
  let looks = 0;
  const counted = losses(40_000).map(({ atMs: _, ...loss }, index) => ({
    ...loss,
    get atMs() {
      looks++;
      return index;
    },
  }));
  expect(count({ losses: counted, live: 100_000 })).toBe(40_000);
  expect(looks).toBeLessThan(40_000 * 40);
});

describe('G2: what a receiver applied before counts in the windows that reach back to it', () => {
  const minute = 60_000;
  test('two records inside one window are one loss', () => {
    expect(count({ losses: losses(15, 5 * minute), live: 60, applied: [{ atMs: 0, count: 15 }] }, { windowMs: 10 * minute })).toBe(15);
    expect(count({ losses: losses(15, 11 * minute), live: 60, applied: [{ atMs: 0, count: 15 }] }, { windowMs: 10 * minute })).toBe(0);
  });
  test('what is gone already is never held, and belongs to the whole that percent is taken of', () => {
    expect(count({ losses: losses(1, 1), live: 60, applied: [{ atMs: 0, count: 100 }] })).toBe(1);
    expect(count({ losses: losses(5, 1), live: 175, applied: [{ atMs: 0, count: 40 }] })).toBe(5);
    expect(count({ losses: losses(5, 1), live: 185, applied: [{ atMs: 0, count: 40 }] })).toBe(0);
  });
});
