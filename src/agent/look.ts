import { ancestorsOf, type BytePath } from '../model/path.ts';
import type { Journal, Want } from '../ports/journal.ts';
import { collate } from '../steps/collate.ts';
import type { Difference } from '../steps/plan.ts';
import { type Found, scan } from '../steps/scan.ts';
import { type Gathered, gather } from '../steps/store/gather.ts';
import type { Cycle } from './context.ts';
import { type BaseState, baseState, currentHolds, replaceHold } from './decide.ts';
import { mayPublish } from './publish.ts';
import { noteUnsettled } from './unsettled.ts';

/** What one look at the disk found. */
export interface Seen {
  readonly differences: Map<BytePath, Difference>;
  readonly unknown: ReadonlySet<BytePath>;
  /** What it read on the way, where it is going to be published. */
  readonly gathered: Gathered | null;
}

/** Scan and second look. Null when the root was emptied (rule G1): everything is held then. */
export async function look(cycle: Cycle, reincluded: BaseState['reincluded']): Promise<Seen | null> {
  const { ports, config, options, memory } = cycle;
  if (cycle.rootIsToCome) return { differences: new Map(), unknown: new Set(), gathered: null };
  ports.log.debug({ step: 'scan', share: cycle.share }, 'scanning');
  const scanned = scan({ ...ports, nowUs: ports.time.wallMs() * 1000 }, ports.excluded);
  if (isEmptied(cycle, scanned.rootHasEntries)) return null;
  const totals = totalsOf(scanned.found);
  const gathered = willPublish(cycle, reincluded) ? gather(ports, cycle.share, cycle.inForce.limits, cycle.bucketNowMs()) : null;
  const collated = await collate(
    ports,
    { ...scanned, endedMs: ports.time.monotonicMs() },
    {
      ...{ settleMs: config.settleMs, settleMaxMs: config.settleMaxMs, chunkBytes: cycle.inForce.chunking.bytes, signal: options.signal },
      fixed: config.metadata === 'preserve' ? null : config.metadata,
      needsContent: (path) =>
        config.role !== 'subscriber' ||
        ports.journal.want(path) !== null ||
        mayGiveWay(ports.journal, path) ||
        ports.journal.meta('joined') !== '1' ||
        reincluded(path, false),
      remembered: memory.hashes,
      onContent: (hash, bytes) => gathered?.offer(hash, bytes),
      onProgress: (files, bytes) => ports.onProgress({ phase: 'reading', filesDone: files, bytesDone: bytes, ...totals }),
    },
  );
  noteUnsettled(cycle, collated.unsettled);
  ports.log.debug({ step: 'collate', share: cycle.share, changes: collated.findings.size }, 'changes collated');
  cycle.problems.splice(
    0,
    cycle.problems.length,
    ...cycle.problems.filter((each) => !scanCodes.has(each.code)),
    ...scanned.problems,
    ...collated.problems,
  );
  const unknown = new Set([...scanned.unknown, ...collated.unknown, ...collated.unsettled]);
  return { differences: collated.findings, unknown, gathered };
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
