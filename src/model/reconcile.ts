import type { Attribute, Entry, FileEntry, Sequence } from './entry.ts';
import { metadataDifference, sameContent, withAttributes } from './entry.ts';

/** What this disk shows at a path, in the log's terms. 'unknown': unreadable, unsettled, or on a device that came between. */
export type Local =
  | { readonly seen: 'same' }
  | { readonly seen: 'absent' }
  | { readonly seen: 'entry'; readonly entry: Entry }
  | { readonly seen: 'unknown' };

/** What the log says where it has moved past the base; entry null is a tombstone. */
export interface Wanted {
  readonly entry: Entry | null;
  readonly version: Sequence;
}

export interface Policy {
  readonly role: 'both' | 'publisher' | 'subscriber';
  readonly conflict: 'newest' | 'remote' | 'local';
  /** The bucket's clock, microseconds: a modification time in the future counts as now (promise 7). */
  readonly nowUs: number;
}

/**
 * - nothing: disk, base and log agree, or the difference is a deviation that the config asks for.
 * - agree: the disk already holds what the log says; the want becomes the base.
 * - publish: append `entry` (null = delete) over `base`; `beats` is the version that lost a conflict, 0 without one;
 *   `onDisk` false: the entry is a merge that this disk still has to be brought to; see `absorbed` for the base until then.
 * - apply: bring the want to the disk; what stands there is the base.
 * - yield: as apply, but the local version is the loser of a conflict: it is published as `kept` first.
 * - displace: as apply, but what stands there goes to the trash, which is its only copy (drift, join).
 * - wait: not now; the local state is unknown.
 */
export type Decision =
  | { readonly do: 'nothing' | 'agree' | 'apply' | 'wait' }
  | { readonly do: 'publish'; readonly entry: Entry | null; readonly base: Sequence; readonly beats: Sequence; readonly onDisk: boolean }
  | { readonly do: 'yield'; readonly loser: Entry }
  | { readonly do: 'displace'; readonly why: 'drift' | 'join' };

const nothing: Decision = { do: 'nothing' };
const agree: Decision = { do: 'agree' };
const apply: Decision = { do: 'apply' };

/**
 * The merge of one path with a trusted base (rule R1, R2). `base` is what disk and log last agreed on, `want` what the log says since
 * (undefined: nothing new).
 */
export function reconcile(base: Wanted | null, local: Local, want: Wanted | undefined, policy: Policy): Decision {
  if (local.seen === 'unknown') return want === undefined ? nothing : { do: 'wait' };
  const before = base?.entry ?? null;
  const here = local.seen === 'same' ? before : local.seen === 'entry' ? local.entry : null;
  if (policy.role === 'subscriber') return subscribe(before, here, want);
  if (want === undefined) return unchangedLog(before, here, base?.version ?? 0);
  return policy.role === 'publisher' ? publishOnly(before, here, want, policy) : merge(before, here, want, policy);
}

function merge(before: Entry | null, here: Entry | null, want: Wanted, policy: Policy): Decision {
  if (sameHere(before, here)) return sameHere(here, want.entry) ? agree : apply;
  if (here === null) return localDelete(before, want);
  if (want.entry === null) return remoteDelete(before, here);
  return bothPresent(before, here, want.entry, want.version, policy);
}

/** The disk needs nothing when the wanted entry is the base itself (a version that changed nothing here). */
function sameHere(before: Entry | null, wanted: Entry | null): boolean {
  if (before === null || wanted === null) return before === wanted;
  return sameContent(before, wanted) && metadataDifference(before, wanted).length === 0;
}

function unchangedLog(before: Entry | null, here: Entry | null, version: Sequence): Decision {
  if (sameHere(before, here)) return nothing;
  // A tombstone has a number, but the version of an absent path is 0 (rule L2).
  return publish(here, before === null ? 0 : version, 0, true);
}

function localDelete(before: Entry | null, want: Wanted): Decision {
  if (want.entry === null) return agree;
  // An edit beats a delete; a change of metadata alone does not.
  if (before === null || !sameContent(before, want.entry)) return apply;
  return publish(null, want.version, 0, true);
}

function remoteDelete(before: Entry | null, here: Entry): Decision {
  if (before !== null && sameContent(before, here)) return apply;
  return publish(here, 0, 0, true);
}

function bothPresent(before: Entry | null, here: Entry, wanted: Entry, version: Sequence, policy: Policy): Decision {
  if (sameContent(here, wanted)) return mergeMetadata(before, here, wanted, version);
  if (before !== null && sameContent(before, here)) {
    const merged = withAttributes(wanted, here, onlyIn(before, here, wanted));
    return sameHere(merged, wanted) ? apply : publish(merged, version, 0, false);
  }
  if (before !== null && sameContent(before, wanted)) {
    const merged = withAttributes(here, wanted, onlyIn(before, wanted, here));
    return publish(merged, version, 0, sameHere(merged, here));
  }
  return localWins(here, wanted, policy) ? publish(here, version, version, true) : { do: 'yield', loser: here };
}

/** Content agrees; each attribute that only this side changed is published, everything else follows the log. */
function mergeMetadata(before: Entry | null, here: Entry, wanted: Entry, version: Sequence): Decision {
  const mine = before === null || before.kind !== here.kind ? [] : onlyIn(before, here, wanted);
  const merged = withAttributes(wanted, here, mine);
  if (!sameHere(merged, wanted)) return publish(merged, version, 0, sameHere(merged, here));
  return metadataDifference(here, wanted).length === 0 ? agree : apply;
}

/**
 * The base once a merge that is not on this disk was appended over `wanted`. All that this disk had changed is in the log now, so it may
 * not count as an edit again when a successor of the merge arrives before the apply: the base becomes what the disk holds, the merge the
 * want. What that is follows from the three entries alone, so that a record settled after a kill gets the same base.
 */
export function absorbed(before: Entry, wanted: Entry, merged: Entry): Entry {
  if (sameContent(merged, wanted)) return withAttributes(before, merged, metadataDifference(merged, wanted));
  const theirs = metadataDifference(before, wanted).filter((name) => !metadataDifference(merged, wanted).includes(name));
  return withAttributes(merged, before, theirs);
}

/** Attributes that `changed` has changed since `before` and `other` has not. */
function onlyIn(before: Entry, changed: Entry, other: Entry): Attribute[] {
  if (before.kind !== changed.kind || before.kind !== other.kind) return [];
  const others = metadataDifference(before, other);
  return metadataDifference(before, changed).filter((name) => !others.includes(name));
}

function localWins(here: Entry, wanted: Entry, policy: Policy): boolean {
  if (policy.conflict !== 'newest') return policy.conflict === 'local';
  if (here.kind !== 'file' || wanted.kind !== 'file') return false;
  return clamped(here, policy.nowUs) > clamped(wanted, policy.nowUs);
}

function clamped(entry: FileEntry, nowUs: number): number {
  return Math.min(entry.mtimeUs, nowUs);
}

/** Rule J6: a subscriber publishes nothing; its drift stays until the path changes in the log, then goes to the trash. */
function subscribe(before: Entry | null, here: Entry | null, want: Wanted | undefined): Decision {
  if (want === undefined) return nothing;
  if (sameHere(here, want.entry)) return agree;
  if (here === null || sameContent(here, before) || sameContent(here, want.entry)) return apply;
  return { do: 'displace', why: 'drift' };
}

/**
 * Rule J6: a publisher merges its own changes as everybody does, itself preferred in a conflict, but what others append is never applied
 * here. So its disk may stay behind the base's successor for long, and only what it changed itself may be published: a change of mode
 * must not re-assert old content, nor bring back what the log has deleted.
 */
function publishOnly(before: Entry | null, here: Entry | null, want: Wanted, policy: Policy): Decision {
  if (sameHere(here, want.entry)) return agree;
  const decision = merge(before, here, want, { ...policy, conflict: 'local' });
  return decision.do === 'apply' ? nothing : decision;
}

function publish(entry: Entry | null, base: Sequence, beats: Sequence, onDisk: boolean): Decision {
  // Deleting what the log does not have is agreement, not news.
  if (entry === null && base === 0) return agree;
  return { do: 'publish', entry, base, beats, onDisk };
}

/** What is known of the past of a path that this disk has and no trusted base covers (rules J1 to J3, J5). */
export interface JoinFacts {
  /** The log held nothing when this member came: it seeds. */
  readonly seeding: boolean;
  readonly join: 'trash' | 'merge';
  /** The content equals an earlier version of the path: stale, not an edit (J2). */
  readonly stale: boolean;
  /** The journal was lost but its last cursor is known, and the log has not deleted the path since (J3). */
  readonly sinceKnown: boolean;
  /** A split changeset is incomplete: what looks local only may still be on its way (J1). */
  readonly incomplete: boolean;
  /** The path was excluded until now and the log has neither entry nor tombstone for it (J5). */
  readonly reincludedNew: boolean;
}

/** The merge of one path without a base: a new member, a lost journal, a path that was excluded until now. */
export function reconcileJoin(here: Entry | null, want: Wanted | undefined, facts: JoinFacts, role: Policy['role']): Decision {
  if (want !== undefined && want.entry !== null) return joinPresent(here, want.entry, role);
  if (here === null) return want === undefined ? nothing : agree;
  if (isNews(facts, role)) {
    if (role !== 'subscriber') return publish(here, 0, 0, true);
    // A subscriber that comes before its publisher must not empty its root into the trash: this is drift until the path changes.
    if (want === undefined) return nothing;
  }
  return facts.incomplete || role === 'publisher' ? nothing : { do: 'displace', why: 'join' };
}

/** What only this disk has is a creation to be published, neither left over from before nor perhaps still on its way here. */
function isNews(facts: JoinFacts, role: Policy['role']): boolean {
  if (facts.seeding || facts.reincludedNew) return true;
  return !facts.incomplete && !facts.stale && (facts.sinceKnown || facts.join === 'merge' || role === 'publisher');
}

function joinPresent(here: Entry | null, wanted: Entry, role: Policy['role']): Decision {
  if (sameContent(here, wanted)) return role === 'publisher' || sameHere(here, wanted) ? agree : apply;
  if (role === 'publisher') return nothing;
  return here === null ? apply : { do: 'displace', why: 'join' };
}
