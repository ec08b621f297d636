import type { BytePath } from '../model/path.ts';
import { comparePaths, parentOf, toText } from '../model/path.ts';
import { DiskFault, type ShareTree } from '../ports/filesystem.ts';
import type { Journal } from '../ports/journal.ts';
import type { Difference } from '../steps/plan.ts';
import { scan } from '../steps/scan.ts';
import type { Cycle } from './context.ts';

/** What sweeps had to find because no file event had told of it. */
export interface Missed {
  /** Paths since the journal began. */
  readonly paths: number;
  /** Sweeps that found any. */
  readonly sweeps: number;
  /** This machine's clock, ms. */
  readonly lastMs: number;
  readonly toldMs: number;
  /** Some of those that the last such sweep found. */
  readonly first: readonly BytePath[];
}

/** The event of a younger change may still be on its way. */
const onItsWayMs = 5000;
const toldAgainMs = 24 * 3600 * 1000;
const firstMax = 5;

/** What a look that goes by the hints would see because of them. */
export function hintedPart({ ports, memory }: Cycle): (path: BytePath) => boolean {
  const { attention } = memory;
  if (attention.wantsWhole) return () => true;
  const { time, journal, excluded } = ports;
  const scope = attention.scope(journal);
  const { covers } = scan({ ...ports, nowUs: time.wallMs() * 1000 }, excluded, scope);
  // The root is listed whatever is named; but without a hint there would have been no look.
  const namesRoot = scope.kind !== 'directories' || scope.paths.has('');
  return (path) => (namesRoot || parentOf(path) !== '') && covers(path);
}

/** Counts what differs although no hint has named it, and tells it once a day at most. */
export function noteMissed(cycle: Cycle, differences: ReadonlyMap<BytePath, Difference>, hinted: (path: BytePath) => boolean): void {
  const { journal, tree, time } = cycle.ports;
  const nowMs = time.wallMs();
  const beforeUs = (nowMs - onItsWayMs) * 1000;
  const missed = [...differences.values()].filter((each) => !hinted(each.path) && isOlder(tree, each, beforeUs));
  if (missed.length === 0) return;
  const before = readMissed(journal);
  const first = missed
    .map(({ path }) => path)
    .sort(comparePaths)
    .slice(0, firstMax);
  const isToTell = before === null || Math.abs(nowMs - before.toldMs) >= toldAgainMs;
  const counts = { paths: (before?.paths ?? 0) + missed.length, sweeps: (before?.sweeps ?? 0) + 1 };
  const now: Missed = { ...counts, lastMs: nowMs, toldMs: isToTell ? nowMs : before.toldMs, first };
  journal.setMeta('missed', JSON.stringify(now));
  if (isToTell) cycle.events.push(textOf(missed.length, first));
}

function textOf(count: number, first: readonly BytePath[]): string {
  const what = count === 1 ? '1 change' : `${count} changes`;
  return (
    `watch-missed: the sweep found ${what} that no file event had told of (${first.map(toText).join(', ')}${count > first.length ? ', …' : ''}); ` +
    'where other machines write to the same file system, events never come: use mode: heavyweight there, or a shorter sweep'
  );
}

/** Where a name is gone, the directory that held it tells when. */
function isOlder(tree: ShareTree, { path, look }: Difference, beforeUs: number): boolean {
  for (let at = path; look === null && at !== ''; ) {
    at = parentOf(at);
    const stat = lookAt(tree, at);
    if (stat !== null) return stat.ctimeKey < beforeUs;
  }
  return look !== null && look.ctimeKey < beforeUs;
}

function lookAt(tree: ShareTree, path: BytePath) {
  try {
    return tree.look(path);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return null;
  }
}

/** Null while sweeps have found nothing. */
export function readMissed(journal: Journal): Missed | null {
  const text = journal.meta('missed');
  return text === undefined ? null : (JSON.parse(text) as Missed);
}
