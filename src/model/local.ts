import type { Entry } from './entry.ts';

/** Attributes as this disk shows them, ids already turned into names; owner and group null where they are not this member's to say. */
export interface SeenMetadata {
  readonly mode: number;
  readonly mtimeUs: number;
  readonly uid: number;
  readonly gid: number;
}

/** The same attributes as read back when disk and log last met (rule I3). */
export type ReadBack = SeenMetadata;

export interface OwnerNames {
  readonly owner: string | null;
  readonly group: string | null;
}

/** Who knows the names of ids here; only a privileged member has a say about owners. */
interface Names {
  readonly privileged: boolean;
  userName(uid: number): string;
  groupName(gid: number): string;
}

export function ownerNames(names: Names, { uid, gid }: Pick<SeenMetadata, 'uid' | 'gid'>): OwnerNames {
  if (!names.privileged) return { owner: null, group: null };
  return { owner: names.userName(uid), group: names.groupName(gid) };
}

/**
 * The coarsest tick that a local file system's clock is known to have, with room, microseconds: what changed within it may change again
 * and look the same (rule D2).
 */
export const clockTickUs = 20_000;

/** What the config sets on this member instead of following the log. */
export interface FixedMetadata {
  readonly owner: string | null;
  readonly group: string | null;
  readonly fileMode: number | null;
  readonly dirMode: number | null;
}

export type Content =
  | {
      readonly kind: 'file';
      readonly size: number;
      readonly hash: string;
      readonly chunks: readonly { hash: string; size: number }[] | null;
    }
  | { readonly kind: 'dir' }
  | { readonly kind: 'link'; readonly target: string };

/**
 * Content on this disk as an entry in the log's terms (rule I3): an attribute that is still what was read back keeps the log's value,
 * so that what this machine could not follow is never published as an edit.
 */
export function localEntry(
  content: Content,
  seen: SeenMetadata,
  names: OwnerNames,
  base: { readonly entry: Entry; readonly readBack: ReadBack | null } | null,
  fixed: FixedMetadata | null,
): Entry {
  const sameKind = base !== null && base.entry.kind === content.kind ? base : null;
  const old = sameKind?.readBack ?? null;
  const owner =
    sameKind && (old === null || old.uid === seen.uid || fixed?.owner != null)
      ? sameKind.entry.owner
      : (fixed?.owner ?? names.owner ?? sameKind?.entry.owner ?? null);
  const group =
    sameKind && (old === null || old.gid === seen.gid || fixed?.group != null)
      ? sameKind.entry.group
      : (fixed?.group ?? names.group ?? sameKind?.entry.group ?? null);
  if (content.kind === 'link') return { kind: 'link', target: content.target, owner, group };
  const mode = localMode(content.kind, seen, sameKind, fixed);
  if (content.kind === 'dir') return { kind: 'dir', mode, owner, group };
  const keepsTime = sameKind?.entry.kind === 'file' && old !== null && old.mtimeUs === seen.mtimeUs;
  const mtimeUs = keepsTime && sameKind.entry.kind === 'file' ? sameKind.entry.mtimeUs : clampTime(seen.mtimeUs);
  return { kind: 'file', mode, mtimeUs, owner, group, size: content.size, hash: content.hash, chunks: content.chunks };
}

/**
 * A directory or link of the log as it looks right after it was made here, before its rights and owner were set. As a base it says that
 * this disk has followed the log so far, and changed nothing.
 */
export function madeEntry<E extends Entry & { kind: 'dir' | 'link' }>(entry: E, seen: Pick<SeenMetadata, 'mode'>, names: OwnerNames): E {
  return entry.kind === 'dir' ? { ...entry, ...names, mode: seen.mode } : { ...entry, ...names };
}

/** What a record can say ends in the years 1684 and 2255; a disk may say more. */
function clampTime(us: number): number {
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, us));
}

function localMode(
  kind: 'file' | 'dir',
  seen: SeenMetadata,
  base: { readonly entry: Entry; readonly readBack: ReadBack | null } | null,
  fixed: FixedMetadata | null,
): number {
  const set = kind === 'file' ? fixed?.fileMode : fixed?.dirMode;
  const logged = base !== null && base.entry.kind !== 'link' ? base.entry.mode : null;
  if (set != null) return logged ?? set;
  if (logged !== null && base?.readBack?.mode === seen.mode) return logged;
  return seen.mode;
}
