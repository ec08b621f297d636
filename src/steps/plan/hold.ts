import type { NewFile } from '../../model/apply-order.ts';
import type { Publication } from '../../model/close.ts';
import type { Entry, FileEntry, Hash, Sequence } from '../../model/entry.ts';
import type { Loss, MaxDelete, PastLosses } from '../../model/guard.ts';
import { guardLosses, unexcused } from '../../model/guard.ts';
import type { BytePath } from '../../model/path.ts';
import { ancestorsOf, parentOf } from '../../model/path.ts';
import type { Expected } from '../../ports/filesystem.ts';
import type { Journal, Want } from '../../ports/journal.ts';

/** What of a plan's input the guards ask for. */
interface HoldInput {
  readonly maxDelete: MaxDelete;
  readonly recentLosses: number;
  readonly heldElsewhere: number;
  readonly appliedLosses: readonly PastLosses[];
  readonly approved: ReadonlyMap<BytePath, Sequence>;
}

/** What of a plan they look at, and take out of it. */
interface Draft {
  readonly publications: Map<BytePath, Publication>;
  readonly applies: Map<BytePath, Item>;
  newFiles: NewFile[];
}

interface Item {
  readonly path: BytePath;
  readonly entry: Entry | null;
  readonly atMs: number;
  readonly expected: Expected | null;
  readonly standing: Entry | null;
  readonly why: string;
}

/** Rule G2 for what this member would delete or cut to nothing; what is held leaves the publications, with the directories around it. */
export function holdOwn(journal: Journal, input: HoldInput, draft: Draft): { path: BytePath; version: Sequence }[] {
  const losses: Loss[] = [];
  for (const { path, entry } of draft.publications.values()) {
    if (entry !== null && (entry.kind !== 'file' || entry.size > 0)) continue;
    const before = journal.agreed(path);
    if (before !== null && isLoss(before.entry, entry) && input.approved.get(path) !== before.version)
      losses.push({ path, before: before.entry, atMs: 0, truncation: entry !== null });
  }
  if (losses.length === 0) return [];
  const files = [...draft.publications.values()].flatMap(({ path, entry }) => (entry?.kind === 'file' ? [{ path, ...entry }] : []));
  const appearing = files.filter(({ path }) => journal.agreed(path) === null);
  const count = journal.agreedCount();
  // What is held elsewhere is among the agreed paths still.
  const live = count.files + count.links - input.heldElsewhere;
  const held = guardLosses({ losses, appearing, live, recent: input.recentLosses + input.heldElsewhere }, input.maxDelete);
  for (const path of held) withholdLoss(path, draft);
  return held.map((path) => ({ path, version: journal.agreed(path)?.version ?? 0 }));
}

function isLoss(before: Entry, after: Entry | null): boolean {
  if (before.kind === 'dir') return false;
  return after === null || (before.kind === 'file' && before.size > 0 && after.kind === 'file' && after.size === 0);
}

/** With the directories around it, and with what took the place of one: that stays on this disk and waits for the decision. */
function withholdLoss(path: BytePath, draft: Draft): void {
  draft.publications.delete(path);
  for (let at = parentOf(path); at !== ''; at = parentOf(at)) {
    const above = draft.publications.get(at);
    if (above !== undefined && above.entry?.kind !== 'dir') draft.publications.delete(at);
  }
}

/** Rule G2 for deletions of others. Their directories wait with them, since they will not be empty. */
export function holdIncoming(journal: Journal, input: HoldInput, draft: Draft): { heldThere: Want[]; losses: Loss[] } {
  const losses: Loss[] = [];
  for (const item of draft.applies.values()) {
    if (item.standing === null || (item.why !== 'deleted' && item.why !== 'replaced') || !isLoss(item.standing, item.entry)) continue;
    const truncation = item.entry !== null;
    if (journal.want(item.path)?.approved === false) losses.push({ path: item.path, before: item.standing, atMs: item.atMs, truncation });
  }
  if (losses.length === 0) return { heldThere: [], losses };
  const count = journal.agreedCount();
  const coming = { losses, appearing: appearing(journal, draft), live: count.files + count.links, recent: 0, applied: input.appliedLosses };
  const isExceeded = guardLosses(coming, input.maxDelete).length > 0;
  // Most cycles are far below the limit, and need not be told what an earlier one has brought.
  const facts = isExceeded ? { ...coming, appearing: [...coming.appearing, ...arrived(journal, losses)] } : coming;
  const held = new Set(isExceeded ? guardLosses(facts, input.maxDelete) : []);
  const heldThere = [...held].map((path) => holdWant(journal, path, draft)).filter((want) => want !== null);
  const above = new Set([...held].flatMap(ancestorsOf));
  draft.newFiles = draft.newFiles.filter(({ path }) => !above.has(path));
  return { heldThere, losses: unexcused(facts).filter((loss) => !held.has(loss.path)) };
}

function appearing(journal: Journal, { applies, newFiles }: Draft): FileEntry[] {
  const here = [...applies.values()].filter(({ expected }) => expected === null).map(({ entry }) => entry);
  const apart = journal.transaction(() => newFiles.map(({ path }) => journal.want(path)?.entry ?? null));
  return [...here, ...apart].filter((entry) => entry?.kind === 'file');
}

/**
 * A move of which a cycle that was cut short has brought the new files, and not yet taken the old ones: the new files of those records that
 * are here, less the deletions of equal content that they have excused already.
 */
function arrived(journal: Journal, losses: readonly Loss[]): FileEntry[] {
  const records = new Set(losses.flatMap(({ path }) => journal.want(path)?.version ?? []));
  const credits = new Map<Hash, { readonly entry: FileEntry; count: number }>();
  const credit = (entry: Entry | null | undefined, by: number) => {
    if (entry?.kind !== 'file') return;
    const known = credits.get(entry.hash);
    if (known === undefined) credits.set(entry.hash, { entry, count: by });
    else known.count += by;
  };
  for (const sequence of records) {
    for (const { path, k, op, entry } of journal.versionsOf(sequence)) {
      if (k > 0 || journal.want(path) !== null) continue;
      const before = journal.versions(path).findLast((row) => row.k === 0 && row.version < sequence)?.entry ?? null;
      if (op === 'delete') credit(before, -1);
      else if (before === null && journal.agreed(path)?.version === sequence) credit(entry, 1);
    }
  }
  return [...credits.values()].flatMap(({ entry, count }) => Array<FileEntry>(Math.max(0, count)).fill(entry));
}

function holdWant(journal: Journal, path: BytePath, draft: Draft): Want | null {
  draft.applies.delete(path);
  for (let at = parentOf(path); at !== ''; at = parentOf(at)) {
    // Neither gone nor of another kind while something below it stays.
    const above = draft.applies.get(at);
    if (above !== undefined && above.entry?.kind !== 'dir') draft.applies.delete(at);
  }
  const want = journal.want(path);
  if (want !== null && want.reason !== 'held') journal.setWantReason(path, 'held', 'more deletions at once than maxDelete allows', 0);
  return want;
}
