import { appliedTo, waiting } from '../agent/applied.ts';
import type { Halt } from '../agent/context.ts';
import { type LastCycle, readLastCycle } from '../agent/last-cycle.ts';
import { type Missed, readMissed } from '../agent/missed.ts';
import { missingChanges } from '../agent/readiness.ts';
import { readReplay } from '../agent/replay.ts';
import type { ShareConfig } from '../config-types.ts';
import type { Deviation } from '../model/deviation.ts';
import { decodeFormat } from '../model/format.ts';
import type { BytePath } from '../model/path.ts';
import type { Replay } from '../model/replay.ts';
import type { Agreed, Hold, Journal, ProblemRow, WantReason } from '../ports/journal.ts';

/** What the journal of one share says, without a look at disk or bucket. */
export interface LocalStatus {
  readonly cursor: number;
  /** This disk holds every change of the log up to here; at most `cursor`. */
  readonly appliedTo: number;
  readonly digest: string | null;
  /** The first replay is complete: this member publishes. */
  readonly joined: boolean;
  readonly counts: { readonly files: number; readonly directories: number; readonly links: number; readonly bytes: number };
  /** Changes of the log that are not on this disk yet. */
  readonly incoming: { readonly changes: number; readonly deletions: number; readonly bytes: number };
  /** Those of them that keep the share from being ready. */
  readonly missing: number;
  /** How far the running cycle is with what it takes in; null where none tells of it. */
  readonly replay: Replay | null;
  /** What waits for the bucket: an unanswered record, and versions that so far only the trash holds. */
  readonly outgoing: { readonly records: number; readonly owed: number };
  readonly holds: readonly HeldStatus[];
  readonly halt: Halt | null;
  /** Standing problems without those that `holds` and `halt` tell. */
  readonly problems: readonly ProblemRow[];
  readonly conflicts: number;
  readonly deviations: { readonly count: number; readonly first: readonly Deviation[] };
  readonly lastCycle: LastCycle | null;
  /** Bucket time of the last heartbeat, ms; 0 before the first. */
  readonly heardAtMs: number;
  /** Contents that no member has sent again yet (rule B3). */
  readonly requests: number;
  /** What sweeps had to find because no file event had told of it; null while that was nothing. */
  readonly missed: Missed | null;
  /** Retention in the bucket, set when the share was created; null before the first sync. */
  readonly historyMs: number | null;
}

export interface HeldStatus extends Hold {
  readonly paths: number;
  readonly first: readonly BytePath[];
}

const conflictsCounted = 10_000;
const deviationsListed = 1000;
const pathsOfHold = 5;

/** One consistent look, even while a sync writes. `nowMs` is this machine's clock. */
export function localStatus(journal: Journal, share: ShareConfig, nowMs: number): LocalStatus {
  return journal.transaction(() => {
    const lastCycle = readLastCycle(journal);
    const halt = lastCycle?.halt ?? null;
    return {
      ...{
        cursor: Number(journal.meta('cursor') ?? '0'),
        appliedTo: appliedTo(journal),
        digest: journal.meta('digest') ?? null,
        joined: journal.meta('joined') === '1',
      },
      ...{ counts: journal.agreedCount(), incoming: incomingOf(journal), holds: holdsOf(journal), halt, lastCycle },
      ...{ missing: missingChanges(journal), replay: readReplay(journal, nowMs) },
      outgoing: { records: journal.outbox() === null ? 0 : 1, owed: journal.owedTrash().length },
      problems: journal.problems().filter((row) => row.code !== 'held' && row.code !== 'check-refused' && row.code !== halt?.code),
      conflicts: journal.conflictCount(conflictsCounted),
      deviations: deviationsOf(journal, share, lastCycle),
      ...{ requests: journal.needs().size, heardAtMs: Number(journal.meta('heartbeatAtMs') ?? '0') },
      historyMs: historyOf(journal),
      missed: readMissed(journal),
    };
  });
}

function incomingOf(journal: Journal): LocalStatus['incoming'] {
  const { puts, deletes, bytes } = journal.wantTally(waiting);
  return { changes: puts, deletions: deletes, bytes };
}

function holdsOf(journal: Journal): HeldStatus[] {
  return journal.holds().map((hold) => {
    const { count, first } = journal.holdTally(hold.id, pathsOfHold);
    return { ...hold, paths: count, first };
  });
}

const wanted: Partial<Record<WantReason, string>> = {
  excluded: 'in the log, excluded here by the config',
  role: 'changed by others; a publisher does not take it over',
  kept: 'deleted by the federation, kept here by the config',
  drift: 'changed here; a subscriber does not publish',
};

/** Promise 4: the paths at which this tree differs from the log on purpose. */
function deviationsOf(journal: Journal, share: ShareConfig, lastCycle: LastCycle | null): LocalStatus['deviations'] {
  const found = new Map<BytePath, string>();
  const meant = journal.wantsFirst(Object.keys(wanted), deviationsListed);
  for (const { path, reason } of meant.first) found.set(path, wanted[reason as WantReason] ?? '');
  for (const path of journal.lingering()) found.set(path, 'deleted by the federation, stays for files that are no part of the share');
  for (const { path, why } of lastCycle?.deviations.first ?? [])
    if (!found.has(path) && (share.role === 'subscriber' || journal.want(path) === null)) found.set(path, why);
  const unfollowed = journal.agreedUnfollowed(followedModes(share), deviationsListed);
  for (const row of unfollowed.first) if (!found.has(row.path)) found.set(row.path, unfollowedWhy(row));
  const beyond = (all: number, first: readonly unknown[]) => Math.max(0, all - first.length);
  const unlisted =
    beyond(meant.count, meant.first) +
    beyond(unfollowed.count, unfollowed.first) +
    (lastCycle === null ? 0 : beyond(lastCycle.deviations.count, lastCycle.deviations.first));
  const first = [...found].sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, deviationsListed);
  return { count: found.size + unlisted, first: first.map(([path, why]) => ({ path, why })) };
}

/** What the config sets instead is not the log's to say. */
function followedModes({ metadata }: ShareConfig): { file: boolean; dir: boolean } {
  return metadata === 'preserve' ? { file: true, dir: true } : { file: metadata.fileMode === null, dir: metadata.dirMode === null };
}

/** Set-id bits (rule A4), an inherited setgid bit, an ACL's mask; a time that neither this file system nor a record can hold. */
function unfollowedWhy({ entry, stamp }: Agreed): string {
  const octal = (mode: number) => mode.toString(8).padStart(4, '0');
  if (entry.kind !== 'link' && stamp !== null && stamp.mode !== entry.mode)
    return `mode ${octal(stamp.mode)} here, ${octal(entry.mode)} in the log`;
  return 'its modification time cannot be the same here and in the log';
}

function historyOf(journal: Journal): number | null {
  const decoded = decodeFormat(Buffer.from(journal.meta('format') ?? ''));
  return decoded.ok ? decoded.format.historyMs : null;
}
