import { type BigIntStats, constants, fstatSync, lstatSync, type Stats } from 'node:fs';
import type { Expected, PreciseStat, Stat } from '../ports/filesystem.ts';

/** A path for node:fs whose characters are bytes: plain ASCII passes as it is (the fast way), everything else as a buffer. */
export function systemPath(bytes: string): string | Buffer {
  return /[\u0080-\u00ff]/.test(bytes) ? Buffer.from(bytes, 'latin1') : bytes;
}

/** The name in the directory that the descriptor holds, whatever became of the directory's own path. */
export function at(fd: number, name: string): string | Buffer {
  return systemPath(`/proc/self/fd/${fd}/${name}`);
}

export function kindOf(mode: number): Stat['kind'] {
  const format = mode & constants.S_IFMT;
  if (format === constants.S_IFREG) return 'file';
  if (format === constants.S_IFDIR) return 'dir';
  return format === constants.S_IFLNK ? 'link' : 'other';
}

/** Microseconds from the milliseconds of the cheap stat call. */
export function timeKey(ms: number): number {
  return Math.round(ms * 1000);
}

function statFrom(stats: Stats): Stat {
  const { dev, ino, size, mode, uid, gid } = stats;
  return {
    kind: kindOf(mode),
    dev,
    ino,
    size,
    mode: mode & 0o7777,
    uid,
    gid,
    mtimeKey: timeKey(stats.mtimeMs),
    ctimeKey: timeKey(stats.ctimeMs),
  };
}

function preciseFrom(stats: BigIntStats): PreciseStat {
  const mode = Number(stats.mode);
  return {
    kind: kindOf(mode),
    dev: Number(stats.dev),
    ino: Number(stats.ino),
    size: Number(stats.size),
    mode: mode & 0o7777,
    uid: Number(stats.uid),
    gid: Number(stats.gid),
    mtimeKey: timeKey(milliseconds(stats.mtimeNs)),
    ctimeKey: timeKey(milliseconds(stats.ctimeNs)),
    mtimeUs: Number(floorDivide(stats.mtimeNs, 1000n)),
    links: Number(stats.nlink),
  };
}

/** lstat of a name in an open directory; null for ENOENT, everything else throws. */
export function preciseAt(fd: number, name: string): PreciseStat | null {
  const stats = lstatSync(at(fd, name), { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? null : preciseFrom(stats);
}

export function preciseOf(fd: number): PreciseStat {
  return preciseFrom(fstatSync(fd, { bigint: true }));
}

/** The cheap look at a name in an open directory; null for ENOENT, everything else throws. */
export function statAt(fd: number, name: string): Stat | null {
  const stats = lstatSync(at(fd, name), { throwIfNoEntry: false });
  return stats === undefined ? null : statFrom(stats);
}

// ---- stats of regular files as numbers, side by side, for another thread ------------------------------------------------------

export const statWidth = 10;

export function putStat(numbers: Float64Array, index: number, stat: PreciseStat): void {
  const from = index * statWidth;
  numbers[from] = stat.dev;
  numbers[from + 1] = stat.ino;
  numbers[from + 2] = stat.size;
  numbers[from + 3] = stat.mode;
  numbers[from + 4] = stat.uid;
  numbers[from + 5] = stat.gid;
  numbers[from + 6] = stat.mtimeKey;
  numbers[from + 7] = stat.ctimeKey;
  numbers[from + 8] = stat.mtimeUs;
  numbers[from + 9] = stat.links;
}

export function getStat(numbers: Float64Array, index: number): PreciseStat {
  const number = (which: number) => numbers[index * statWidth + which] as number;
  return {
    kind: 'file',
    dev: number(0),
    ino: number(1),
    size: number(2),
    mode: number(3),
    uid: number(4),
    gid: number(5),
    mtimeKey: number(6),
    ctimeKey: number(7),
    mtimeUs: number(8),
    links: number(9),
  };
}

// ---- comparing -----------------------------------------------------------------------------------------------------------------

/** Nothing about the name has changed. */
export function isExpected(stat: Stat, expected: Expected): boolean {
  return isSameVersion(stat, expected) && stat.ctimeKey === expected.ctimeKey;
}

/** The same bytes under possibly other links: making or removing a hard link moves the change time and nothing else. */
export function isSameVersion(stat: Stat, expected: Expected): boolean {
  return stat.kind === expected.kind && stat.ino === expected.ino && stat.size === expected.size && stat.mtimeKey === expected.mtimeKey;
}

/** The same double that Node computes for `mtimeMs`, so that both kinds of look give equal keys. */
function milliseconds(ns: bigint): number {
  const seconds = floorDivide(ns, 1_000_000_000n);
  return Number(seconds) * 1000 + Number(ns - seconds * 1_000_000_000n) / 1_000_000;
}

function floorDivide(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value % by < 0n ? quotient - 1n : quotient;
}
