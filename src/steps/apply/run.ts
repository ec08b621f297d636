import type { Entry, FileEntry, Hash, Sequence } from '../../model/entry.ts';
import type { FixedMetadata } from '../../model/local.ts';
import type { BytePath } from '../../model/path.ts';
import type { DiskMetadata, Expected, Owners, PreciseStat, ShareTree, Staged } from '../../ports/filesystem.ts';
import type { DiskStamp, Journal, TrashRow, WantReason } from '../../ports/journal.ts';
import type { Log } from '../../ports/log.ts';
import type { Random } from '../../ports/random.ts';

/** One path to bring to `entry` (null removes it). See plan. */
export interface ApplyTask {
  readonly path: BytePath;
  readonly entry: Entry | null;
  readonly version: Sequence;
  readonly expected: Expected | null;
  readonly standing: Entry | null;
  readonly why: TrashRow['why'];
  readonly wanted: boolean;
  readonly attempts: number;
}

export interface ApplyPorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  readonly owners: Owners;
  readonly random: Random;
  readonly log: Log;
  /** Stages verified content; results in any order, many together (see fetch). */
  readonly fetch: (requests: readonly FileRequest[]) => AsyncIterable<readonly FetchResult[]>;
  readonly onPlaced: (files: number) => void;
}

export interface FileRequest {
  readonly path: BytePath;
  readonly entry: FileEntry;
  readonly metadata: DiskMetadata;
}

export type FetchResult =
  | { readonly ok: true; readonly request: FileRequest; readonly staged: Staged }
  | {
      readonly ok: false;
      readonly request: FileRequest;
      readonly reason: WantReason;
      readonly detail: string;
      readonly missing: readonly Hash[];
    };

export interface ApplyOptions {
  readonly fixed: FixedMetadata | null;
  readonly bucketNowMs: number;
  /** This machine's clock, microseconds, for the racy flag of stat stamps. */
  readonly nowUs: () => number;
  readonly stampOf: (stat: PreciseStat, nowUs: number) => DiskStamp;
  /** True for the loser of a conflict that the log does not hold yet: in the trash it is owed to the log (rule R2). */
  readonly isOwed: (path: BytePath, lostTo: Sequence, loser: Entry) => boolean;
  readonly signal: AbortSignal;
}

export interface Applied {
  readonly placed: number;
  readonly removed: number;
  readonly bytes: number;
  /** Contents that no location of the log delivers. */
  readonly missing: readonly Hash[];
  /** Something local came in between: look again before the next try. */
  readonly again: boolean;
  /** What no want stands for and could not be brought about, and why. */
  readonly left: readonly Left[];
  /** Bytes that were staged for new directories and are to be staged again, because the run was told to stop before those were complete. */
  readonly discarded: number;
  /** Trash names of what was displaced, to be looked at once more after `settle` (rule A2). */
  readonly displaced: readonly string[];
}

/** A task whose file is staged. */
export interface Ready {
  readonly task: ApplyTask;
  readonly staged: Staged;
}

export interface Left {
  readonly task: ApplyTask;
  readonly reason: WantReason;
  readonly detail: string;
}

/** State of one apply. */
export interface Run {
  readonly ports: ApplyPorts;
  readonly options: ApplyOptions;
  placed: number;
  removed: number;
  bytes: number;
  discarded: number;
  missing: Hash[];
  again: boolean;
  displaced: { readonly path: BytePath; readonly name: string }[];
  left: Left[];
  /** Journal writes of the current burst, committed together with the end of its intents. */
  done: (() => void)[];
  /** Directories whose rights come last; `made` are those that this run has made, with rights for nobody else. */
  modes: { readonly task: ApplyTask; readonly metadata: Partial<DiskMetadata>; readonly made: boolean }[];
  /** Paths at which something stood that the plan did not know of. */
  readonly occupied: Set<BytePath>;
  /** Names in the trash for what the current burst displaces. */
  trash: Map<BytePath, string>;
  /** Directories that were asked whether new files take their group. */
  readonly groupSetting: Map<BytePath, boolean>;
  /** Change times of inodes that went to the trash, before and after: other names of theirs are still what was expected. */
  readonly moved: Map<number, { readonly before: number; readonly after: number }>;
}
