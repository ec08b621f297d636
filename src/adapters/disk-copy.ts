import { closeSync, constants, fchmodSync, fchownSync, openSync, readlinkSync, readSync, symlinkSync, unlinkSync } from 'node:fs';
import type { Expected } from '../ports/filesystem.ts';
import { unless } from './disk-faults.ts';
import { applyMetadata } from './disk-metadata.ts';
import { at, isExpected, preciseOf, statAt, systemPath } from './disk-stat.ts';
import { writeAll } from './disk-write.ts';

const bufferBytes = 1024 * 1024;

/** Copies the expected file or link into the trash, where it cannot be linked; false, and no copy, when it is another version or changes meanwhile. */
export function copyToTrash(fromFd: number, name: string, expected: Expected, trashFd: number, trashName: string): boolean {
  let complete = false;
  try {
    complete = expected.kind === 'link' ? copyLink(fromFd, name, trashFd, trashName) : copyFile(fromFd, name, expected, trashFd, trashName);
    const now = statAt(fromFd, name);
    complete &&= now !== null && isExpected(now, expected);
    return complete;
  } finally {
    if (!complete) unless(['ENOENT'], () => unlinkSync(at(trashFd, trashName)));
  }
}

function copyLink(fromFd: number, name: string, trashFd: number, trashName: string): boolean {
  const target = unless(['EINVAL', 'ENOENT'], () => readlinkSync(at(fromFd, name), 'latin1'));
  if (target !== null) symlinkSync(systemPath(target), at(trashFd, trashName));
  return target !== null;
}

function copyFile(fromFd: number, name: string, expected: Expected, trashFd: number, trashName: string): boolean {
  const source = openSync(at(fromFd, name), constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const before = preciseOf(source);
    if (before.kind !== 'file' || !isExpected(before, expected)) return false;
    const copy = openSync(at(trashFd, trashName), constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o600);
    try {
      const buffer = Buffer.allocUnsafe(bufferBytes);
      for (let got = readSync(source, buffer); got > 0; got = readSync(source, buffer)) writeAll(copy, buffer.subarray(0, got));
      unless(['EPERM'], () => fchownSync(copy, before.uid, before.gid));
      fchmodSync(copy, before.mode);
      applyMetadata(copy, { mtimeUs: before.mtimeUs });
    } finally {
      closeSync(copy);
    }
    return isExpected(preciseOf(source), expected);
  } finally {
    closeSync(source);
  }
}
