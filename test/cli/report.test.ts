import { expect, test } from 'vitest';
import type { Outcome } from '../../src/agent.ts';
import { outcomeProblems } from '../../src/cli/report.ts';

const outcome = (paths: number): Outcome => ({
  ...{ share: 'web', events: [], halt: null, held: false, cursor: 1, unfinished: false, sawEverything: true, restsInMs: null, planned: [] },
  counts: { published: 0, deleted: 0, applied: 0, removed: 0, conflicts: 0, records: 0, bytesUp: 0, bytesDown: 0 },
  problems: [
    { code: 'unreadable', path: 'other', text: 'cannot be read', fix: 'Make it readable.' },
    ...Array.from({ length: paths }, (_, n) => ({ code: 'disk-full', path: `file-${n}`, text: 'no room', fix: 'Free space.' })),
  ],
});

test('of many paths with one trouble the first twenty are told, and that there are more', () => {
  const told = outcomeProblems(outcome(100_000));
  expect(told).toHaveLength(1 + 20 + 1);
  expect(told.at(-1)).toEqual({
    code: 'disk-full-more',
    path: null,
    text: 'more paths have the same trouble (disk-full)',
    fix: 'What helps those above helps them.',
  });
});

test('the closing line does not change with the number, so that it is told once', () => {
  expect(outcomeProblems(outcome(50)).at(-1)).toEqual(outcomeProblems(outcome(5000)).at(-1));
});

test('twenty are told one by one', () => {
  expect(outcomeProblems(outcome(20)).map((problem) => problem.code)).toEqual(['unreadable', ...Array(20).fill('disk-full')]);
});
