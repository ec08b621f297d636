import { expect, test } from 'vitest';
import { createProgress, type ProgressEvent } from '../../src/cli/progress.ts';

function screen(isTTY: boolean, columns = 80) {
  const written: string[] = [];
  let nowMs = 0;
  const terminal = { isTTY, columns, write: (text: string) => written.push(text) };
  const time = { monotonicMs: () => nowMs };
  return { written, terminal, time, pass: (ms: number) => (nowMs += ms) };
}

function event(filesDone: number, bytesDone: number, phase = 'fetching'): ProgressEvent {
  return { phase, filesDone, filesTotal: 2000, bytesDone, bytesTotal: 40_000_000 };
}

const erase = '\r\x1b[K';

test('a line with files, bytes, rate and time left', () => {
  const { written, terminal, time, pass } = screen(true);
  const progress = createProgress(terminal, time, { quiet: false });
  progress.update(event(0, 0));
  pass(2000);
  progress.update(event(1000, 20_000_000));
  expect(written).toEqual([
    `${erase}fetching 0 of 2,000 files, 0 B of 40 MB`,
    `${erase}fetching 1,000 of 2,000 files, 20 MB of 40 MB, 10 MB/s, 2.0 s left`,
  ]);
});

test('without totals and bytes there is only what is known', () => {
  const { written, terminal, time, pass } = screen(true);
  const progress = createProgress(terminal, time, { quiet: false });
  const scan = (filesDone: number) => progress.update({ phase: 'scanning', filesDone, filesTotal: null, bytesDone: 0, bytesTotal: null });
  scan(5);
  pass(5000);
  scan(12_345);
  expect(written.at(-1)).toBe(`${erase}scanning 12,345 files`);
});

test('what a resumed upload had done before is no speed', () => {
  const { written, terminal, time, pass } = screen(true);
  const progress = createProgress(terminal, time, { quiet: false });
  progress.update(event(0, 30_000_000));
  pass(1000);
  progress.update(event(0, 31_000_000));
  expect(written.at(-1)).toContain('1 MB/s, 9.0 s left');
});

test('redrawn at most ten times a second', () => {
  const { written, terminal, time, pass } = screen(true);
  const progress = createProgress(terminal, time, { quiet: false });
  for (let i = 0; i < 1000; i++) {
    progress.update(event(i, i));
    pass(1);
  }
  expect(written).toHaveLength(10);
});

test('cleared once, and only if something was drawn', () => {
  const { written, terminal, time } = screen(true);
  const progress = createProgress(terminal, time, { quiet: false });
  progress.clear();
  progress.update(event(1, 1));
  progress.clear();
  progress.clear();
  progress.update(event(2, 2));
  expect(written).toHaveLength(3);
  expect(written[1]).toBe(erase);
});

test('a line never wraps', () => {
  const { written, terminal, time } = screen(true, 20);
  createProgress(terminal, time, { quiet: false }).update(event(1, 1));
  expect(written[0]).toBe(`${erase}fetching 1 of 2,000`);
});

test.each([
  ['no terminal', false, false],
  ['quiet', true, true],
])('nothing with %s', (_, isTTY, quiet) => {
  const { written, terminal, time } = screen(isTTY);
  const progress = createProgress(terminal, time, { quiet });
  progress.update(event(1, 1));
  progress.clear();
  expect(written).toEqual([]);
});
