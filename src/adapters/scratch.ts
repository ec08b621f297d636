import { closeSync, ftruncateSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Journal, JournalFault } from '../ports/journal.ts';
import type { Scratch, ScratchFile } from '../ports/scratch.ts';
import { makeDirectories } from './make-directories.ts';
import { openJournal } from './sqlite.ts';

/**
 * Scratch room below `directory`, which belongs to this process alone (0700, made at the first use): what a killed run left there is
 * removed then. Throws `JournalFault` 'unusable' when the disk refuses.
 */
export function scratchBelow(directory: string): () => Scratch {
  let rooms = 0;
  return () => {
    const room = join(directory, String(++rooms));
    attempt(room, () => {
      if (rooms === 1) rmSync(directory, { recursive: true, force: true });
      makeDirectories(room, 0o700);
    });
    return scratchIn(room);
  };
}

function scratchIn(room: string): Scratch {
  const closing: (() => void)[] = [];
  let made = 0;
  const newName = () => join(room, String(++made));
  return {
    file: () => {
      const file = openScratchFile(newName());
      closing.push(file.close);
      return file;
    },
    journal: (): Journal => {
      const journal = openJournal({ file: newName() });
      closing.push(() => journal.close());
      return journal;
    },
    remove: () => {
      for (const close of closing.splice(0)) close();
      attempt(room, () => rmSync(room, { recursive: true, force: true }));
    },
  };
}

function openScratchFile(path: string): ScratchFile & { close(): void } {
  const descriptor = attempt(path, () => openSync(path, 'wx+', 0o600));
  let size = 0;
  return {
    get size() {
      return size;
    },
    append: (bytes) => {
      attempt(path, () => writeWhole(descriptor, bytes, size));
      size += bytes.length;
    },
    read: (offset, length) => {
      if (offset < 0 || length < 0 || offset + length > size) throw new RangeError(`${offset}+${length} lies outside of ${size} bytes`);
      return attempt(path, () => readWhole(descriptor, offset, length));
    },
    close: () => closeSync(descriptor),
  };
}

function writeWhole(descriptor: number, bytes: Buffer, at: number): void {
  try {
    for (let done = 0; done < bytes.length; ) done += writeSync(descriptor, bytes, done, bytes.length - done, at + done);
  } catch (error) {
    ftruncateSync(descriptor, at);
    throw error;
  }
}

function readWhole(descriptor: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const read = readSync(descriptor, bytes, done, length - done, offset + done);
    if (read === 0) throw new Error('a scratch file has become shorter');
    done += read;
  }
  return bytes;
}

function attempt<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new JournalFault('unusable', `The scratch room ${path} cannot be used: ${error.message}.`, error);
  }
}
