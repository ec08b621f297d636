import { type Entry, sameContent } from '../model/entry.ts';
import { madeEntry, ownerNames } from '../model/local.ts';
import type { BytePath } from '../model/path.ts';
import type { Owners, PreciseStat, ShareTree } from '../ports/filesystem.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Intent, Journal, TrashRow } from '../ports/journal.ts';

export interface RecoverPorts {
  readonly tree: ShareTree;
  readonly journal: Journal;
  readonly owners: Owners;
}

/**
 * After a kill in the middle of a burst (rule I4): what the burst has put in place becomes the base, so that an edit made since then is an
 * edit of the new version and no conflict with it, and so that a deletion in the log meets no file, directory or link that seems to be
 * made here. Everything else is left to the next plan, which finds the same by looking. Trash rows were written before the moves; those
 * that never happened go again. Runs before the staging area is cleared. Throws `DiskFault` where the trash cannot be looked at; the
 * intents then wait. `nowMs` is the bucket's time as far as known.
 */
export function recover(ports: RecoverPorts, nowMs: number): void {
  const { journal } = ports;
  const intents = journal.intents();
  if (intents.length === 0) return;
  journal.transaction(() => {
    const rows = new Map(journal.trash().map((row) => [row.name, row]));
    for (const intent of intents) recoverOne(ports, nowMs, intent, rows.get(intent.trashName));
    journal.clearIntents();
  });
}

function recoverOne(ports: RecoverPorts, nowMs: number, intent: Intent, row: TrashRow | undefined): void {
  const { tree, journal } = ports;
  const { path, version, stagedIno, trashName } = intent;
  const standing = lookAround(tree, path);
  const displaced = trashName !== '' && settleTrash(tree, journal, trashName, row, standing);
  const want = journal.want(path);
  // A want that moved on meanwhile is newer than what this burst was about.
  if (want === null || want.version !== version) return;
  const { entry } = want;
  const audited = { atMs: nowMs, path, version };
  if (standing?.kind === 'file' && standing.ino === stagedIno && entry?.kind === 'file') {
    journal.putAgreed({ path, entry, version, stamp: null });
    journal.dropWant(path);
    journal.putAudit({ ...audited, op: 'put', kind: 'file', size: entry.size });
  } else if (entry === null && standing === null && displaced && row !== undefined) {
    const size = row.entry.kind === 'file' ? row.entry.size : null;
    journal.putAudit({ ...audited, op: 'delete', kind: row.entry.kind, size });
  } else if (standing !== null && isMade(tree, path, standing, entry) && !sameContent(journal.agreed(path)?.entry ?? null, entry)) {
    // Rights and owner may still have been to come: the want stays.
    journal.putAgreed({ path, entry: madeEntry(entry, standing, ownerNames(ports.owners, standing)), version, stamp: null });
  }
}

/** A directory, or a link with this target, is what the burst was about to make, whoever made it. */
function isMade(tree: ShareTree, path: BytePath, standing: PreciseStat, entry: Entry | null): entry is Entry & { kind: 'dir' | 'link' } {
  if (standing.kind !== entry?.kind || entry.kind === 'file') return false;
  return entry.kind === 'dir' || tree.readLink(path) === entry.target;
}

/** True when the file was displaced, and is in the trash for good. */
function settleTrash(tree: ShareTree, journal: Journal, name: string, row: TrashRow | undefined, standing: PreciseStat | null): boolean {
  const displaced = tree.lookInTrash(name);
  const stands = standing !== null && (standing.ino === displaced?.ino || isOld(standing, row));
  if (displaced !== null && !stands) return true;
  // Linked into the trash, or copied there in part, but nothing took its place: the old file still stands where it was.
  if (displaced !== null) tree.removeFromTrash(name);
  journal.dropTrash(name);
  return false;
}

/** Size and time as well: once a copy was made, the inode may have gone to another file. */
function isOld(standing: PreciseStat, row: TrashRow | undefined): boolean {
  return standing.ino === row?.ino && standing.size === row.size && standing.mtimeKey === row.mtimeKey;
}

/** Null also where the way to the path is gone or barred: nothing of the burst can be confirmed there. */
function lookAround(tree: ShareTree, path: string): PreciseStat | null {
  try {
    return tree.look(path);
  } catch (error) {
    if (error instanceof DiskFault) return null;
    throw error;
  }
}
