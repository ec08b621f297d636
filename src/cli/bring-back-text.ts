import type { KnownStates, Refusal } from '../agent/earlier.ts';
import { type BytePath, toText } from '../model/path.ts';
import type { Obstacle } from '../model/travel.ts';
import type { Journal } from '../ports/journal.ts';
import { counted, formatMoment } from './format.ts';
import { versionName } from './history.ts';

const pathsToldMax = 20;
const versionsToldMax = 20;

/** The sentence why nothing was done; further lines name paths. */
export function refusalLines(refusal: Refusal, journal: Journal): string[] {
  switch (refusal.no) {
    case 'version':
      return [`there is no version ${versionName(refusal)} of ${nameOf(refusal.path)}; ${versionsOf(journal, refusal.path)}`];
    case 'deletion':
      return [`version ${refusal.version} of ${nameOf(refusal.path)} is its deletion; ${beforeDeletion(refusal)}`];
    case 'absent':
      return [`${nameOf(refusal.path)} was not there at that time; ${versionsOf(journal, refusal.path)}`];
    case 'history':
      return [`that is before the retained history; ${oldest(refusal.known)}`];
    case 'future':
      return [`that time is still to come; the newest record is ${refusal.known.newest}`];
    case 'record':
      return [`record ${refusal.sequence} is not known; ${range(refusal.known)}`];
    case 'changes':
      return [notChanges(refusal)];
    case 'room':
      return listed('nothing was changed, since something newer is in the way', refusal.obstacles, obstacleLine);
  }
}

/** As a clause about a path that has been named. */
export function obstacleText({ why, at }: Obstacle): string {
  return why === 'under' ? `${toText(at)} is a file or a link now` : `${toText(at)} is in that directory`;
}

export function missingLines(paths: readonly BytePath[]): string[] {
  const what = `nothing was changed: no place delivers the content of ${counted(paths.length, 'path')} any more`;
  return listed(what, paths, (path) => `  ${toText(path)}`);
}

/** `the states after records 3 to 57 are known`. */
export function range({ oldest: first, newest }: KnownStates): string {
  return newest === 0 ? 'the log is empty' : `known are the records ${first + 1} to ${newest}`;
}

function oldest(known: KnownStates): string {
  if (known.sinceMs === null) return 'no record is known';
  const state = known.oldest === 0 ? 'from the first record' : `as of record ${known.oldest}`;
  return `the oldest state that can be had is that of ${formatMoment(known.sinceMs)}, ${state}`;
}

function nameOf(path: BytePath): string {
  return path === '' ? 'the root' : toText(path);
}

function versionsOf(journal: Journal, path: BytePath): string {
  const names = journal.versions(path).map((row) => `${versionName(row)}${row.op === 'delete' ? ' (deleted)' : ''}`);
  if (names.length === 0) return path === '' ? 'any record is a version of it' : 'no version of it is known';
  const shown = names.slice(-versionsToldMax);
  return `known are ${names.length > shown.length ? '…, ' : ''}${shown.join(', ')}`;
}

function beforeDeletion({ path, use }: Refusal & { no: 'deletion' }): string {
  return use === 0 ? 'nothing earlier is known' : `what was there before is ${toText(path)}@${use}`;
}

function notChanges({ record }: Refusal & { no: 'changes' }): string {
  if (record.verdict !== 'ok') return `record ${record.sequence} is passed over by every member and has changed nothing (${record.reason})`;
  return `record ${record.sequence} is no changeset (${record.kind}): there is nothing to undo`;
}

function obstacleLine({ path, why, at }: Obstacle): string {
  if (why === 'under') return `  ${toText(path)}: ${toText(at)} is a file or a link now; move that away first`;
  return `  ${toText(path)} is a directory with ${toText(at)} in it now; move that away first, or delete it with --exact`;
}

function listed<T>(what: string, all: readonly T[], line: (one: T) => string): string[] {
  const more = all.length - pathsToldMax;
  return [`${what}:`, ...all.slice(0, pathsToldMax).map(line), ...(more > 0 ? [`  … and ${counted(more, 'more path')}`] : [])];
}
