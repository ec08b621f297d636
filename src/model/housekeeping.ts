import type { Sequence } from './entry.ts';

const dayMs = 24 * 3600 * 1000;

/** How old things must be, by the bucket's clock, before housekeeping touches them; ms. A short `history` shortens those that hold something back. */
export interface Ages {
  /** A superseded version is restorable for this long (rule H2). */
  readonly historyMs: number;
  /** A record lives this long beyond the announcement of the snapshot that covers it (rule L6). */
  readonly logGraceMs: number;
  /** Between the `retire` record and the deletion (rule P3). */
  readonly retireGraceMs: number;
  /** A retired object that still stands is known as such for this long; whoever meets it later retires it again. */
  readonly retiredKnownMs: number;
  /** An object that nothing refers to may be on its way into a record until then (rule P3). */
  readonly unreferencedMs: number;
  /** An own upload that no record names counts for this long: less than what retires it. */
  readonly uploadTrustedMs: number;
}

export function agesOf(historyMs: number): Ages {
  const within = (ms: number) => Math.min(ms, historyMs);
  const unreferencedMs = within(7 * dayMs);
  const retireGraceMs = within(dayMs);
  return {
    historyMs,
    logGraceMs: within(dayMs),
    retireGraceMs,
    // Not shortened: the next housekeeping may be days away, however short the history is.
    retiredKnownMs: retireGraceMs + 7 * dayMs,
    unreferencedMs,
    uploadTrustedMs: Math.floor((unreferencedMs * 6) / 7),
  };
}

/** A snapshot that a record announced. */
export interface Announced {
  readonly id: string;
  readonly upTo: Sequence;
  /** Bucket time of the announcement, ms. */
  readonly atMs: number;
}

/** What a member knows when it asks whether something is due; all of it from its journal, so that asking costs no request. */
export interface Standing {
  readonly cursor: Sequence;
  readonly liveEntries: () => number;
  readonly newest: Announced | null;
  /** Bucket time of the oldest record known, ms. */
  readonly sinceMs: number;
  /** A record behind the newest snapshot changed something. */
  readonly changed: boolean;
  /** Bucket time at which anybody last did the bucket's housekeeping, ms; 0 = never. */
  readonly doneAtMs: number;
  /** 0 to 1, other for each member: so that not all of them begin at once. */
  readonly jitter: number;
}

const recordsMin = 200;

/** True when a snapshot is worth its price: enough records behind the newest one, or a day of changes. */
export function isSnapshotDue(standing: Standing, nowMs: number): boolean {
  const { cursor, liveEntries, newest, sinceMs, changed, jitter } = standing;
  if (cursor === 0 || !changed) return false;
  const records = cursor - (newest?.upTo ?? 0);
  const many = (least: number) => records >= least * (1 + jitter);
  // Counting a large share takes a moment, so it is left until it matters.
  if (many(recordsMin) && many(liveEntries() / 100)) return true;
  return nowMs - (newest?.atMs ?? sinceMs) >= dayMs * (1 + jitter / 2);
}

/** True when nobody has looked after the bucket for a day. A share without any record needs no care. */
export function isCareDue({ cursor, sinceMs, doneAtMs, jitter }: Standing, nowMs: number): boolean {
  return cursor > 0 && nowMs - Math.max(doneAtMs, sinceMs) >= dayMs * (1 + jitter / 2);
}

/** 0 up to 1, from a random id: the same for one member at any time. */
export function jitterOf(memberId: string): number {
  const value = Number.parseInt(memberId.slice(0, 8), 16);
  return Number.isFinite(value) ? value / 2 ** 32 : 0;
}

/** The newest snapshot that was announced long enough ago that records below it may go (rule L6); null where there is none. */
export function ripe(snapshots: readonly Announced[], ages: Ages, nowMs: number): Announced | null {
  const old = snapshots.filter(({ atMs }) => nowMs - atMs >= ages.logGraceMs);
  return old.reduce<Announced | null>((newest, one) => (newest === null || one.upTo > newest.upTo ? one : newest), null);
}

/** Announced snapshots that a newer ripe one replaces. The newest of all stays, whatever its age. */
export function outdated(snapshots: readonly Announced[], ages: Ages, nowMs: number): Announced[] {
  const kept = ripe(snapshots, ages, nowMs);
  return kept === null ? [] : snapshots.filter(({ id, upTo }) => id !== kept.id && upTo <= kept.upTo);
}

/**
 * The records that may be deleted, ascending (rule L6): covered by the snapshot, neither head nor predecessor, and up to the first
 * one that is the only place of a live content.
 */
export function deletableRecords(
  listed: readonly Sequence[],
  { coveredUpTo, head, soleFrom }: { readonly coveredUpTo: Sequence; readonly head: Sequence; readonly soleFrom: Sequence | null },
): Sequence[] {
  const end = Math.min(coveredUpTo + 1, head - 1, soleFrom ?? Number.MAX_SAFE_INTEGER);
  return listed.filter((sequence) => sequence < end).sort((a, b) => a - b);
}

/** A pack as a listing shows it, with what the index says of it. Bytes are stored bytes. */
export interface PackUse {
  readonly id: string;
  readonly bytes: number;
  readonly modifiedMs: number;
  /** Some record names it, as far as known. */
  readonly indexed: boolean;
  /** Of live contents whose home is this pack: where a content lies in several packs, one of them is its home. */
  readonly homeBytes: number;
}

/** - keep. - repack: mostly dead, its live contents move first. - dead: nothing needs it. - stray: no record names it, for long enough. */
export type PackFate = 'keep' | 'repack' | 'dead' | 'stray';

export function fateOf({ bytes, modifiedMs, indexed, homeBytes }: PackUse, ages: Ages, nowMs: number): PackFate {
  if (!indexed) return nowMs - modifiedMs >= ages.unreferencedMs ? 'stray' : 'keep';
  if (homeBytes === 0) return 'dead';
  return homeBytes * 2 < bytes ? 'repack' : 'keep';
}
