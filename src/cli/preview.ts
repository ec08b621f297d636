import type { Outcome } from '../agent.ts';
import { type OpenedShare, openShare, type World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { type Entry, sameContent } from '../model/entry.ts';
import type { Journal } from '../ports/journal.ts';
import type { Plan } from '../steps/plan.ts';
import { counted, formatBytes } from './format.ts';
import { planLines } from './plan-line.ts';
import type { Progress } from './progress.ts';

/** Files and links, and the bytes of the files. */
interface Tally {
  count: number;
  bytes: number;
}

/** What the next cycle would do on this server, counted. Directories stand in `lines` alone. */
export interface Preview {
  readonly outcome: Outcome;
  /** Equal here and in the log. */
  readonly equal: number;
  /** The same content with another time, mode or owner, which follow the log. */
  readonly dressed: Tally;
  /** Here with another content than in the log, which wins: to the trash. */
  readonly differ: Tally;
  /** Only here: to the trash. */
  readonly onlyHere: Tally;
  /** Only here, or changed here: published. */
  readonly published: Tally;
  /** Deleted here: published as such. */
  readonly deletes: number;
  /** Not here, or changed by others: comes. */
  readonly comes: Tally;
  /** Deleted by others: to the trash. */
  readonly removed: Tally;
  /** One rsync-like line for each path. */
  readonly lines: readonly string[];
}

const blankProgress = { filesDone: 0, filesTotal: null, bytesDone: 0, bytesTotal: null };

/** A dry run on a copy of the journal, which `prepare` may change first. Throws DatastoreFault, JournalFault. */
export async function previewOf(
  world: World,
  share: ShareConfig,
  progress: Progress,
  prepare: (journal: Journal) => void = () => {},
): Promise<Preview> {
  let opened: OpenedShare | undefined;
  try {
    opened = await openShare(world, share, { dryRun: true, onProgress: (event) => progress.update({ ...blankProgress, ...event }) });
    prepare(opened.journal);
    const outcome = await opened.agent.cycle({ dryRun: true, only: null, signal: world.signal });
    const { files, links } = opened.journal.agreedCount();
    return { ...countedPlans(outcome.planned), equal: files + links, outcome };
  } finally {
    progress.clear();
    opened?.close();
  }
}

function countedPlans(plans: readonly Plan[]): Omit<Preview, 'outcome' | 'equal'> {
  const found = { dressed: tally(), differ: tally(), onlyHere: tally(), published: tally(), comes: tally(), removed: tally(), deletes: 0 };
  for (const { publications, applies } of plans) {
    for (const { entry } of publications.values()) {
      if (entry === null) found.deletes++;
      else add(found.published, entry);
    }
    for (const { entry, standing, why } of applies) {
      if (why === 'join' || why === 'drift') add(entry === null ? found.onlyHere : found.differ, standing);
      else if (entry === null) add(found.removed, standing);
      else add(sameContent(entry, standing) ? found.dressed : found.comes, entry);
    }
  }
  return { ...found, lines: plans.flatMap((plan) => planLines(plan, null)) };
}

function tally(): Tally {
  return { count: 0, bytes: 0 };
}

function add(into: Tally, entry: Entry | null): void {
  if (entry === null || entry.kind === 'dir') return;
  into.count++;
  if (entry.kind === 'file') into.bytes += entry.size;
}

/** What joining means for the files of this server, one line each. `instead` is what would publish those that only it has. */
export function joinLines(preview: Preview, instead: '`join: merge`' | '`--merge`'): string[] {
  const { equal, dressed, differ, onlyHere, published, comes } = preview;
  const lines: [Tally | number, string][] = [
    [equal, 'equal: they stay as they are'],
    [dressed.count, 'equal but for time, mode or owner, which they take from the share'],
    [differ, 'with another content: the log wins, yours go to the trash'],
    [onlyHere, `only here: they go to the trash (${instead} would publish them)`],
    [published, 'only here: they are published'],
    [comes, 'only in the share: they come from it'],
  ];
  return lines.flatMap(([tally, text]) => {
    const { count, bytes } = typeof tally === 'number' ? { count: tally, bytes: 0 } : tally;
    if (count === 0) return [];
    return [`${counted(count, 'file').padStart(15)}${bytes > 0 ? ` (${formatBytes(bytes)})` : ''} ${text}`];
  });
}
