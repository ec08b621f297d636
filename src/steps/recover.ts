import type { ShareTree } from '../ports/filesystem.ts';
import type { Intent, Journal } from '../ports/journal.ts';

/**
 * After a kill in the middle of a burst (rule I4): an intent whose effect stands on the disk becomes the base, so that an edit made
 * since then is an edit of the new version and no conflict with it. Everything else is left to the next plan. Runs before the
 * staging area is cleared.
 */
export function recover(tree: ShareTree, journal: Journal, bucketNowMs: number): void {
  const intents = journal.intents();
  if (intents.length === 0) return;
  journal.transaction(() => {
    for (const intent of intents) recoverOne(tree, journal, intent, bucketNowMs);
    journal.clearIntents();
  });
}

function recoverOne(tree: ShareTree, journal: Journal, intent: Intent, bucketNowMs: number): void {
  const { path, entry, version, trashName } = intent;
  const standing = tree.look(path);
  const displaced = trashName === '' ? null : tree.lookInTrash(trashName);
  if (displaced !== null && standing?.ino === displaced.ino) {
    // The old file was linked to the trash, the new one never took its place.
    tree.removeFromTrash(trashName);
    return;
  }
  if (displaced !== null) {
    const before = journal.agreed(path)?.entry;
    const row = { name: trashName, path, atMs: bucketNowMs, why: 'replaced' as const, owed: false, lostTo: version };
    if (before !== undefined) journal.putTrash({ ...row, entry: before, ino: displaced.ino, size: displaced.size, mtimeKey: displaced.mtimeKey });
  }
  const placed = entry === null ? displaced !== null && standing === null : standing !== null && (displaced !== null || standing.ino === intent.stagedIno);
  if (!placed) return;
  if (entry === null) journal.dropAgreed(path);
  else journal.putAgreed({ path, entry, version, stamp: null });
  if (journal.want(path)?.version === version) journal.dropWant(path);
}
