import { expect, test } from 'vitest';
import { type Cycle, newMemory } from '../../src/agent/context.ts';
import { noteUpload, noteUploaded, teller, tellWhatGoesOn } from '../../src/agent/progress.ts';
import type { FileEntry } from '../../src/model/entry.ts';

function fileOf(size: number): FileEntry {
  return { kind: 'file', mode: 0o644, mtimeUs: 0, owner: null, group: null, size, hash: `${size}`, chunks: null };
}

function cycleThatTells(): { cycle: Cycle; told: unknown[] } {
  const told: unknown[] = [];
  const cycle = { memory: newMemory(), ports: { time: { wallMs: () => 7 }, onProgress: (event: unknown) => told.push(event) } };
  return { cycle: cycle as unknown as Cycle, told };
}

test('large files that are sent together are told together, and those that come later anew', () => {
  const { cycle, told } = cycleThatTells();
  const since = { atMs: 7, files: 0, bytes: 0 };
  const send = (path: string, size: number) => {
    noteUpload(cycle, path, fileOf(size));
    cycle.memory.uploads.set(path, { hash: '', done: Promise.resolve(), failed: undefined });
  };
  send('a', 100);
  send('b', 50);
  noteUploaded(cycle, 0, 60);
  noteUploaded(cycle, 1, 40);
  expect(told).toEqual([
    { phase: 'uploading', filesDone: 0, filesTotal: 1, bytesDone: 0, bytesTotal: 100, since },
    { phase: 'uploading', filesDone: 0, filesTotal: 2, bytesDone: 0, bytesTotal: 150, since },
    { phase: 'uploading', filesDone: 0, filesTotal: 2, bytesDone: 60, bytesTotal: 150, since },
    { phase: 'uploading', filesDone: 1, filesTotal: 2, bytesDone: 100, bytesTotal: 150, since },
  ]);
  cycle.memory.uploads.clear();
  send('c', 7);
  noteUploaded(cycle, 0, 7);
  expect(told.at(-1)).toEqual({ phase: 'uploading', filesDone: 0, filesTotal: 1, bytesDone: 7, bytesTotal: 7, since });
});

test('after each cycle an upload that goes on behind it is told as what is being done, since its own beginning', () => {
  const { cycle, told } = cycleThatTells();
  noteUpload(cycle, 'a', fileOf(100));
  cycle.memory.uploads.set('a', { hash: '', done: Promise.resolve(), failed: undefined });
  teller(cycle.ports.onProgress, 'reading', [fileOf(1)])(1, 1);
  tellWhatGoesOn(cycle);
  expect(told.at(-1)).toEqual(told[0]);
  cycle.memory.uploads.clear();
  tellWhatGoesOn(cycle);
  expect([told.length, cycle.memory.doing]).toEqual([3, null]);
});

test('files and bytes of all that a phase has to do', () => {
  const { cycle, told } = cycleThatTells();
  const tell = teller(cycle.ports.onProgress, 'fetching', [fileOf(10), fileOf(20)]);
  tell(0, 10);
  tell(1, 0);
  expect(told).toEqual([
    { phase: 'fetching', filesDone: 0, filesTotal: 2, bytesDone: 10, bytesTotal: 30 },
    { phase: 'fetching', filesDone: 1, filesTotal: 2, bytesDone: 10, bytesTotal: 30 },
  ]);
});
