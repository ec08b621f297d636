import { ancestorsOf, type BytePath } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import type { Agreed, Journal, Want } from '../ports/journal.ts';
import type { CollateOptions } from '../steps/collate/finding.ts';
import { openReader } from '../steps/collate/reader.ts';
import { collate } from '../steps/collate.ts';
import type { Difference } from '../steps/plan.ts';
import type { Found, Scan } from '../steps/scan.ts';
import { type Gathered, gather } from '../steps/store/gather.ts';
import type { Taken } from './attention.ts';
import type { Cycle } from './context.ts';
import { type BaseState, baseState, currentHolds, replaceHold } from './decide.ts';
import { hintedPart, noteMissed } from './missed.ts';
import { mayPublish } from './publish.ts';
import { holdRestless } from './restless.ts';
import { scanQuietly, scopeOf, untaken } from './scope.ts';
import { noteUnsettled } from './unsettled.ts';

/** What one look at the disk found. */
export interface Seen {
  readonly differences: Map<BytePath, Difference>;
  readonly unknown: ReadonlySet<BytePath>;
  /** What it read on the way, where it is going to be published. */
  readonly gathered: Gathered | null;
}

/** Paths of a large new tree that are looked at and published together: what is known of them is in memory meanwhile. */
const partPaths = 8_000;

/**
 * Scan and second look. Null when the root was emptied (rule G1): everything is held then; or when the cycle was told to stop. Where nothing is here but what is new,
 * `onPart` may publish what was found so far, before the rest is read; false from it ends the parts.
 */
export async function look(
  cycle: Cycle,
  reincluded: BaseState['reincluded'],
  onPart: (seen: Seen) => Promise<boolean>,
): Promise<Seen | null> {
  const { ports, options, memory } = cycle;
  if (cycle.rootIsToCome) return { differences: new Map(), unknown: new Set(), gathered: null };
  const asked = scopeOf(cycle);
  const hinted = options.sweep === true ? hintedPart(cycle) : null;
  const taken = options.dryRun ? untaken(asked) : memory.attention.take(asked, ports.journal);
  try {
    const seen = await lookAt(cycle, taken, reincluded, onPart);
    if (seen === null) taken.putBack();
    if (seen !== null && hinted !== null) noteMissed(cycle, seen.differences, hinted);
    return seen;
  } catch (error) {
    taken.putBack();
    throw error;
  }
}

async function lookAt(
  cycle: Cycle,
  taken: Taken,
  reincluded: BaseState['reincluded'],
  onPart: (seen: Seen) => Promise<boolean>,
): Promise<Seen | null> {
  const { ports, options } = cycle;
  ports.log.debug({ step: 'scan', share: cycle.share, scope: taken.scope.kind }, 'scanning');
  const walked = await scanQuietly(cycle, taken);
  if (walked === null) return null;
  const { scanned, endedMs } = walked;
  if (isEmptied(cycle, scanned.rootHasEntries)) return null;
  cycle.sawEverything = taken.scope.kind === 'whole';
  cycle.covers = scanned.covers;
  const gathered = willPublish(cycle, reincluded)
    ? gather(ports, cycle.share, cycle.inForce.limits, cycle.bucketNowMs(), options.signal)
    : null;
  const seen: Looked = {
    differences: new Map(),
    unknown: new Set(scanned.unknown),
    gathered,
    problems: [...scanned.problems],
    unsettled: taken.scope.kind === 'directories' ? holdRestless(cycle, scanned.found) : [],
  };
  for (const path of seen.unsettled) seen.unknown.add(path);
  const { reader, collateNext } = collating(cycle, reincluded, seen, scanned.found, endedMs);
  try {
    let inParts = gathered !== null && isAllNew(ports.journal, scanned);
    while (inParts && reader.left() > partPaths && !options.signal.aborted) {
      await collateNext(partPaths, []);
      inParts = await onPart(seen);
    }
    await collateNext(Number.POSITIVE_INFINITY, scanned.missing);
  } catch (error) {
    await gathered?.end();
    throw error;
  }
  if (options.signal.aborted) {
    keepRead(cycle, seen);
    cycle.sawEverything = false;
    return null;
  }
  if (taken.scope.kind !== 'below') forgetRead(cycle);
  ports.log.debug({ step: 'collate', share: cycle.share, changes: seen.differences.size }, 'changes collated');
  noteSeen(cycle, scanned, seen);
  return seen;
}

/** What was read for nothing is read by nobody again: the next look remembers what it was, if it still looks the same. */
function keepRead({ memory }: Cycle, { differences }: Looked): void {
  for (const { path, look, local } of differences.values()) {
    if (look === null || look.kind !== 'file' || look.racy || local.seen !== 'entry' || local.entry.kind !== 'file') continue;
    if (memory.hashes.has(path)) continue;
    const { size, hash, chunks } = local.entry;
    memory.hashes.set(path, { stat: look, content: { kind: 'file', size, hash, chunks } });
    memory.read.add(path);
  }
}

function forgetRead({ memory }: Cycle): void {
  for (const path of memory.read) memory.hashes.delete(path);
  memory.read.clear();
  memory.halfRead.clear();
}

/** What is known of paths that this look did not see stays as it was said. */
function noteSeen(cycle: Cycle, scanned: Scan, seen: Looked): void {
  const { attention } = cycle.memory;
  // A look below some paths may meet what an earlier one has told of on the way there.
  const said = new Set(seen.problems.map(({ code, path }) => `${code} ${path}`));
  const elsewhere = attention.problems.filter(({ code, path }) => path !== null && !scanned.covers(path) && !said.has(`${code} ${path}`));
  const problems = [...elsewhere, ...seen.problems];
  for (const path of attention.unknown) if (!scanned.covers(path)) seen.unknown.add(path);
  cycle.withdraw(({ code }) => scanCodes.has(code));
  cycle.noteAll(problems);
  noteUnsettled(cycle, seen.unsettled);
  if (cycle.options.dryRun) return;
  attention.add(scanned.unclean, seen.unknown);
  attention.problems = problems;
  attention.unknown = seen.unknown;
}

interface Looked extends Seen {
  readonly unknown: Set<BytePath>;
  readonly problems: Problem[];
  readonly unsettled: BytePath[];
}

/** Only creations: they need no guard, excuse nothing and meet no want, so they can be decided on one after the other. */
function isAllNew(journal: Journal, { found, missing }: Scan): boolean {
  const wanted = journal.wantCount();
  return missing.length === 0 && wanted.puts + wanted.deletes === 0 && found.every(({ agreed }) => agreed === null);
}

/** Collates candidates of one scan, all of them together or in parts, into `seen`. */
function collating(cycle: Cycle, reincluded: BaseState['reincluded'], seen: Looked, found: Found[], endedMs: number) {
  const { ports, config } = cycle;
  const { filesTotal, bytesTotal } = totalsOf(found);
  const done = { files: 0, bytes: 0 };
  const part = { files: 0, bytes: 0 };
  const collateOptions = collateOptionsOf(cycle, reincluded, seen, (files, bytes) => {
    [part.files, part.bytes] = [files, bytes];
    ports.onProgress({ phase: 'reading', filesDone: done.files + files, bytesDone: done.bytes + bytes, filesTotal, bytesTotal });
  });
  // Before anything is read: it also tells how much memory this is going to take.
  if (filesTotal > 0) ports.onProgress({ phase: 'reading', filesDone: 0, bytesDone: 0, filesTotal, bytesTotal });
  const settledMs = endedMs + config.settleMs;
  const reader = openReader(ports, found, settledMs, collateOptions);
  const collateNext = async (most: number, missing: readonly Agreed[]): Promise<void> => {
    const collated = await collate(ports, { reader, most, missing, settledMs }, collateOptions);
    done.files += part.files;
    done.bytes += part.bytes;
    [part.files, part.bytes] = [0, 0];
    for (const finding of collated.findings.values()) seen.differences.set(finding.path, finding);
    for (const path of [...collated.unknown, ...collated.unsettled]) seen.unknown.add(path);
    for (const each of collated.problems) seen.problems.push(each);
    for (const path of collated.unsettled) seen.unsettled.push(path);
  };
  return { reader, collateNext };
}

function collateOptionsOf(
  cycle: Cycle,
  reincluded: BaseState['reincluded'],
  seen: Looked,
  onProgress: CollateOptions['onProgress'],
): CollateOptions {
  const { config, options, memory } = cycle;
  return {
    settleMs: config.settleMs,
    settleMaxMs: config.settleMaxMs,
    chunkBytes: cycle.inForce.chunking.bytes,
    fixed: config.metadata === 'preserve' ? null : config.metadata,
    needsContent: (path) => needsContent(cycle, reincluded, path),
    remembered: memory.hashes,
    halfRead: memory.halfRead,
    onContent: (hash, content) => seen.gathered?.offer(hash, content),
    onProgress,
    signal: options.signal,
  };
}

function needsContent({ ports: { journal }, config }: Cycle, reincluded: BaseState['reincluded'], path: BytePath): boolean {
  return (
    config.role !== 'subscriber' ||
    journal.want(path) !== null ||
    mayGiveWay(journal, path) ||
    journal.meta('joined') !== '1' ||
    reincluded(path, false)
  );
}

/** Nearly everything that differs here is news then; what a join finds is not, unless it seeds. */
function willPublish(cycle: Cycle, reincluded: BaseState['reincluded']): boolean {
  if (cycle.options.dryRun || !mayPublish(cycle)) return false;
  const { joined, seeding } = baseState(cycle, reincluded);
  return joined || seeding;
}

function totalsOf(found: readonly Found[]): { filesTotal: number; bytesTotal: number } {
  const totals = { filesTotal: 0, bytesTotal: 0 };
  for (const { stat } of found) {
    totals.filesTotal += stat.kind === 'file' ? 1 : 0;
    totals.bytesTotal += stat.kind === 'file' ? stat.size : 0;
  }
  return totals;
}

/** Something that the log wants stands above the path as no directory, or below it: what is here may have to go to the trash. */
function mayGiveWay(journal: Journal, path: BytePath): boolean {
  const replaced = (want: Want | null) => want !== null && want.entry !== null && want.entry.kind !== 'dir';
  return (
    ancestorsOf(path).some((ancestor) => replaced(journal.want(ancestor))) || journal.wantsBelow(path).some((want) => want.entry !== null)
  );
}

/** Codes that every look states anew. */
const scanCodes = new Set(['unreadable', 'special-file', 'mount-inside', 'held', 'unsettled']);

/** Rule G1: a root without any entry where the base has some holds everything, unless exactly that was approved. */
function isEmptied(cycle: Cycle, rootHasEntries: boolean): boolean {
  if (rootHasEntries) return false;
  const { journal } = cycle.ports;
  const gone = journal.agreedBelow('').filter((row) => journal.want(row.path)?.entry !== null);
  if (gone.length === 0) return false;
  const approved = currentHolds(cycle).approved;
  const decided = gone.every((row) => approved.get(row.path) === row.version);
  if (decided) return false;
  const id = replaceHold(
    cycle,
    'publisher',
    gone.map(({ path, version }) => ({ path, version })),
  );
  cycle.halt = {
    code: 'root-emptied',
    text: `the root ${cycle.config.path} is empty, but held ${gone.length} entries; nothing is published or applied (hold ${id})`,
    fix: `Mount or restore it and the share goes on by itself. If it was emptied on purpose: flocksync approve ${id} --share ${cycle.share}; to fetch everything again: flocksync reject ${id} --share ${cycle.share}.`,
  };
  return true;
}
