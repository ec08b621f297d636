import type { Entry } from './entry.ts';
import type { FixedMetadata, ReadBack } from './local.ts';

const setIdBits = 0o6000;
const setGroupBit = 0o2000;

/** Ids on this machine; undefined where the name is not known, or is not this process's to set. */
export interface OwnerIds {
  readonly userId: (name: string) => number | undefined;
  readonly groupId: (name: string) => number | undefined;
}

/**
 * True where an attribute that the config sets (`fixed`), or has set until now (`before`), is not on the disk as it should be: the fixed
 * value, or the log's where nothing is fixed any more. What is otherwise unlike the log is no concern of this: see rule I3.
 */
export function isUnenforced(
  entry: Entry,
  seen: ReadBack,
  fixed: FixedMetadata | null,
  before: FixedMetadata | null,
  ids: OwnerIds,
): boolean {
  if (entry.kind !== 'link' && modeIsOff(entry, seen, setMode(entry.kind, fixed), setMode(entry.kind, before))) return true;
  const owner = fixed?.owner ?? (before?.owner == null ? null : entry.owner);
  const uid = owner === null ? undefined : ids.userId(owner);
  if (uid !== undefined && uid !== seen.uid) return true;
  // A directory keeps the group that its setgid bit hands on.
  if (entry.kind === 'dir' && (seen.mode & setGroupBit) !== 0) return false;
  const group = fixed?.group ?? (before?.group == null ? null : entry.group);
  const gid = group === null ? undefined : ids.groupId(group);
  return gid !== undefined && gid !== seen.gid;
}

function setMode(kind: 'file' | 'dir', fixed: FixedMetadata | null): number | null {
  return (kind === 'file' ? fixed?.fileMode : fixed?.dirMode) ?? null;
}

/** A directory may have inherited its setgid bit here; set-id bits of the log are never brought to a disk, nor taken from one (rule A4). */
function modeIsOff(entry: Entry & { kind: 'file' | 'dir' }, seen: ReadBack, set: number | null, setBefore: number | null): boolean {
  if (set !== null) return seen.mode !== set && !(entry.kind === 'dir' && seen.mode === (set | setGroupBit));
  return setBefore !== null && (seen.mode & ~setIdBits) !== (entry.mode & ~setIdBits);
}
