import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { JournalFault } from '../../src/ports/journal.ts';
import { temporaryDirectory } from './temporary.ts';

test('a scratch file gives back what was appended, from anywhere, and nothing beyond its end', () => {
  const room = scratchBelow(join(temporaryDirectory(), 'scratch'))();
  const file = room.file();
  expect(file.size).toBe(0);
  for (const piece of ['hello ', '', 'world']) file.append(Buffer.from(piece));
  expect(file.size).toBe(11);
  expect([file.read(0, 11).toString(), file.read(4, 3).toString(), file.read(11, 0).length]).toEqual(['hello world', 'o w', 0]);
  for (const [offset, length] of [
    [5, 7],
    [12, 0],
    [-1, 2],
  ] as const) {
    expect(() => file.read(offset, length), `${offset}+${length}`).toThrow(RangeError);
  }
  room.remove();
});

test('rooms are apart, closed to others, and gone when they are removed', () => {
  const below = join(temporaryDirectory(), 'scratch');
  const take = scratchBelow(below);
  expect(existsSync(below)).toBe(false);
  const [one, other] = [take(), take()];
  one.file().append(Buffer.from('one'));
  const journal = other.journal();
  journal.setMeta('shareId', 'x');
  expect(other.journal().meta('shareId')).toBeUndefined();
  expect(statSync(below).mode & 0o777).toBe(0o700);
  one.remove();
  expect(journal.meta('shareId')).toBe('x');
  other.remove();
  expect(readdirSync(below)).toEqual([]);
});

test('what a killed run left goes when the next one takes room, and not before', () => {
  const below = join(temporaryDirectory(), 'scratch');
  mkdirSync(join(below, '7'), { recursive: true });
  writeFileSync(join(below, '7', '1'), 'left');
  const take = scratchBelow(below);
  expect(readdirSync(below)).toEqual(['7']);
  take();
  take();
  expect(readdirSync(below)).toEqual(['1', '2']);
});

test('a disk that refuses is a fault of the journal', () => {
  const below = join(temporaryDirectory(), 'scratch');
  writeFileSync(below.replace(/scratch$/, 'file'), '');
  const take = scratchBelow(join(below.replace(/scratch$/, 'file'), 'scratch'));
  expect(take).toThrow(JournalFault);
});
