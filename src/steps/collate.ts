import type { BytePath } from '../model/path.ts';
import { nameOf, parentOf } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import type { PreciseStat, Stat } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Agreed, DiskStamp, Journal } from '../ports/journal.ts';
import { breathing } from './collate/breath.ts';
import {
  type Candidate,
  type CollateOptions,
  type CollatePorts,
  type Finding,
  type Look,
  type Reading,
  sameLook,
} from './collate/finding.ts';
import { type Counted, readOne, unreadable } from './collate/read.ts';
import type { Reader } from './collate/reader.ts';

export interface Collated {
  readonly findings: Map<BytePath, Finding>;
  /** Paths that would not hold still until `settleMaxMs`; they leave the changeset and are met by the next cycle. */
  readonly unsettled: readonly BytePath[];
  readonly problems: readonly Problem[];
  /** Subtrees or names that could not be read: nothing is concluded about them. */
  readonly unknown: readonly BytePath[];
}

/**
 * Turns candidates of a scan into findings (rules D1, D2): a second look at least `settleMs` after the scan must show the same stat,
 * and fstat before the read must equal fstat after. What only looked different (touched and restored, a new inode with equal content)
 * updates the stat cache and is no finding. Takes `most` candidates or a few less from the reader, whose quiet time ends at `settledMs`.
 */
export async function collate(
  ports: CollatePorts,
  scanned: { readonly reader: Reader; readonly most: number; readonly missing: readonly Agreed[]; readonly settledMs: number },
  options: CollateOptions,
): Promise<Collated> {
  const { reader, most, missing, settledMs } = scanned;
  const state: State = { findings: new Map(), problems: [], unknown: [], refreshed: [], files: 0, bytes: 0 };
  if (reader.left() + missing.length === 0) return { ...state, unsettled: [] };
  const { early, pending } = await readFirst(reader, most, state);
  await ports.time.sleep(settledMs - ports.time.monotonicMs(), options.signal);
  confirmAbsences(ports, missing, state);
  for (const candidate of confirmEarly(ports, early, state)) pending.push(candidate);
  const unsettled = await readUntilSettled(ports, pending, options, state);
  refreshStamps(ports.journal, state.refreshed);
  return { findings: state.findings, problems: state.problems, unknown: state.unknown, unsettled };
}

interface State extends Counted {
  findings: Map<BytePath, Finding>;
  problems: Problem[];
  unknown: BytePath[];
  refreshed: [BytePath, DiskStamp][];
}

/** Only the uppermost name of a missing subtree is looked at again: below an absent directory nothing can be. */
function confirmAbsences(ports: CollatePorts, missing: readonly Agreed[], state: State): void {
  const absent = new Set<BytePath>();
  const places = new Map<BytePath, BytePath | null>();
  for (const row of missing) {
    const known = absent.has(parentOf(row.path)) || (isAbsent(ports, row.path, state) && isInPlace(ports, row.path, places, state));
    if (!known) continue;
    absent.add(row.path);
    state.findings.set(row.path, { path: row.path, agreed: row, local: { seen: 'absent' }, look: null });
  }
}

function isAbsent(ports: CollatePorts, path: BytePath, state: State): boolean {
  try {
    return ports.tree.look(path) === null;
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    // A file or link stands where a directory on the way was: nothing can be below it.
    if (error.code === 'absent' || error.code === 'not-directory') return true;
    state.unknown.push(path);
    state.problems.push(unreadable(path, error));
    return false;
  }
}

/** What another device has come over since the scan hides its names, and has lost none; the next look tells of it. */
function isInPlace({ tree }: CollatePorts, path: BytePath, places: Map<BytePath, BytePath | null>, state: State): boolean {
  const directory = parentOf(path);
  const known = places.get(directory);
  const over = known === undefined ? mountAbove(tree, directory) : known;
  places.set(directory, over);
  if (over !== null) state.unknown.push(over);
  return over === null;
}

/** The nearest of these directories that stands, where it lies on another device than the root; null where all is as it should be. */
function mountAbove(tree: CollatePorts['tree'], directory: BytePath): BytePath | null {
  for (let at = directory; at !== ''; at = parentOf(at)) {
    const stat = lookThrough(tree, at);
    if (stat !== null) return stat.dev === tree.look('')?.dev ? null : at;
  }
  return null;
}

function lookThrough(tree: CollatePorts['tree'], path: BytePath): PreciseStat | null {
  try {
    return tree.look(path);
  } catch (error) {
    if (error instanceof DiskFault && (error.code === 'absent' || error.code === 'not-directory')) return null;
    throw error;
  }
}

// ---- while the quiet time passes ---------------------------------------------------------------------------------------------

type Early = Extract<Reading, { result: 'found' | 'refreshed' }>;

/** Hands out what was read, some of it before the quiet time was over; `pending` has to be read once more, or for the first time. */
async function readFirst(reader: Reader, most: number, state: State): Promise<{ early: Early[]; pending: Candidate[] }> {
  const early: Early[] = [];
  const pending: Candidate[] = [];
  for (let taken = 0; taken < most; ) {
    const handed = await reader.next(most - taken, state);
    if (handed.length === 0) break;
    taken += handed.length;
    for (const { candidate, reading, isEarly } of handed) {
      if (reading === null) pending.push(candidate);
      else if (!isEarly && reading.result === 'changed') pending.push(reading.candidate);
      else if (!isEarly && reading.result !== 'changed') take(reading, candidate.path, state);
      else if (isTrusted(reading)) early.push(reading);
      else pending.push(candidate);
    }
  }
  return { early, pending };
}

function isTrusted(reading: Reading): reading is Early {
  return (reading.result === 'found' && !reading.finding.look?.racy) || (reading.result === 'refreshed' && !reading.look.racy);
}

/** The second look at what was read early, directory by directory; what looks otherwise by now is read again like everything else. */
function* confirmEarly(ports: CollatePorts, early: readonly Early[], state: State): Generator<Candidate> {
  for (let from = 0; from < early.length; ) {
    const directory = parentOf(pathRead(early[from] as Early));
    let to = from + 1;
    while (to < early.length && parentOf(pathRead(early[to] as Early)) === directory) to++;
    const group = early.slice(from, to);
    const looks = looksNow(ports, directory, new Set(group.map((reading) => nameOf(pathRead(reading)))));
    for (const reading of group) {
      const now = looks.get(nameOf(pathRead(reading)));
      if (now !== undefined && sameLook(lookRead(reading), now)) take(reading, pathRead(reading), state);
      else yield candidateAgain(ports, reading);
    }
    from = to;
  }
}

function looksNow(ports: CollatePorts, directory: BytePath, names: ReadonlySet<string>): ReadonlyMap<string, Stat> {
  try {
    const listing = ports.tree.readDirectory(directory, (name) => names.has(name));
    return new Map(listing.names.map((name, at) => [name, listing.statAt(at)]));
  } catch (error) {
    // Each of its files is tried by itself then, and tells what is wrong with it.
    if (error instanceof DiskFault) return new Map();
    throw error;
  }
}

function pathRead(reading: Early): BytePath {
  return reading.result === 'found' ? reading.finding.path : reading.path;
}

function lookRead(reading: Early): Look {
  return reading.result === 'found' ? (reading.finding.look as Look) : reading.look;
}

function candidateAgain(ports: CollatePorts, reading: Early): Candidate {
  const path = pathRead(reading);
  return { path, stat: lookRead(reading), agreed: ports.journal.agreed(path) };
}

// ---- after the quiet time ----------------------------------------------------------------------------------------------------

async function readUntilSettled(ports: CollatePorts, found: Candidate[], options: CollateOptions, state: State): Promise<BytePath[]> {
  const deadlineMs = ports.time.monotonicMs() + options.settleMaxMs;
  let pending = found;
  for (;;) {
    const changed = await readAll(ports, pending.reverse(), options, state);
    if (changed.length === 0) return [];
    if (options.signal.aborted || ports.time.monotonicMs() >= deadlineMs) return changed.map((candidate) => candidate.path);
    await ports.time.sleep(Math.max(options.settleMs, 10), options.signal);
    pending = changed;
  }
}

/** Uses `pending` up from its end; returns what has changed meanwhile. */
async function readAll(ports: CollatePorts, pending: Candidate[], options: CollateOptions, state: State): Promise<Candidate[]> {
  const changed: Candidate[] = [];
  const breathe = breathing(ports.time);
  for (let candidate = pending.pop(); candidate !== undefined; candidate = pending.pop()) {
    if (options.signal.aborted) return [...changed, candidate];
    const reading = await readOne(ports, candidate, options, state);
    if (reading.result === 'changed') changed.push(reading.candidate);
    else take(reading, candidate.path, state);
    await breathe();
  }
  return changed;
}

function take(reading: Exclude<Reading, { result: 'changed' }>, path: BytePath, state: State): void {
  if (reading.result === 'found') state.findings.set(path, reading.finding);
  else if (reading.result === 'refreshed') state.refreshed.push([path, reading.look]);
  else if (reading.result === 'unreadable') {
    state.unknown.push(path);
    state.problems.push(reading.problem);
  }
}

function refreshStamps(journal: Journal, refreshed: readonly [BytePath, DiskStamp][]): void {
  if (refreshed.length === 0) return;
  journal.transaction(() => {
    for (const [path, stamp] of refreshed) journal.putStamp(path, stamp);
  });
}
