import type { Sequence } from '../../model/entry.ts';
import { outdated } from '../../model/housekeeping.ts';
import { snapshotKey, snapshotsPrefix } from '../../model/keys.ts';
import type { SnapshotPayload } from '../../model/record.ts';
import { type FetchedSnapshot, fetchSnapshot } from '../../steps/load.ts';
import { compact } from '../compact.ts';
import { appendDecided } from './append.ts';
import type { Care } from './care.ts';
import type { Stock } from './stock.ts';

/** Rule H1: writes the state as of the cursor and announces it once it was read back. Two at once are harmless. */
export async function writeSnapshot(care: Care, stock: Stock): Promise<void> {
  const { cycle } = care;
  if (care.over()) return;
  care.tell('snapshot', snapshotsPrefix(cycle.share), `the state up to record ${care.head} is written`);
  if (care.dryRun) return void care.wouldAppend++;
  const { journal } = cycle.ports;
  journal.setMeta('snapshotTriedAtMs', String(care.nowMs));
  const written = await compacted(care, stock, cycle.cursor);
  if (written !== null || care.stopped()) journal.setMeta('snapshotTriedAtMs', null);
  if (written === null || !(await care.catchUp())) return;
  const { id, upTo, hash } = written;
  const payload: SnapshotPayload = { kind: 'snapshot', id, upTo, previousHash: hash };
  // Whoever was faster has covered as much: this one is named by no record and goes as every stray does.
  const isNeedless = () => coveredUpTo(care, stock) >= upTo || stock.retired().has(`snapshot ${id}`);
  await appendDecided(care, () => (isNeedless() ? null : payload));
}

/** What sound announced snapshots cover, as far as known. */
function coveredUpTo(care: Care, stock: Stock): Sequence {
  const sound = care.cycle.ports.journal.snapshots().filter(({ id }) => !stock.damaged.has(id));
  return sound.at(-1)?.upTo ?? 0;
}

/** From the newest snapshot that can be used, else from an older one, else from the whole log. */
async function compacted(care: Care, stock: Stock, upTo: Sequence): Promise<{ id: string; upTo: Sequence; hash: string } | null> {
  const { cycle } = care;
  const { ports, share } = cycle;
  const candidates = [...stock.listed.snapshots].map(([id, { upTo: covered }]) => ({ id, upTo: covered }));
  const bases = candidates.filter((one) => one.upTo <= upTo && !stock.damaged.has(one.id)).sort((a, b) => b.upTo - a.upTo);
  let gap = '';
  for (const candidate of [...bases, null]) {
    const base = candidate === null ? null : await fetched(care, stock, snapshotKey(share, candidate.upTo, candidate.id), candidate.id);
    if (candidate !== null && base === null) continue;
    try {
      const result = await compact(ports, {
        ...{ share, format: cycle.inForce, base, upTo, signal: cycle.options.signal },
        cutoffMs: care.nowMs - care.ages.historyMs,
        retiredFromMs: care.nowMs - care.ages.retiredKnownMs,
      });
      if (result.outcome === 'written') return result;
      if (result.outcome === 'stopped') return null;
      gap ||= result.outcome === 'gap' ? `record ${result.sequence} cannot be used: ${result.reason}` : result.reason;
    } finally {
      base?.remove();
    }
  }
  cycle.note(
    'no-snapshot',
    null,
    `no snapshot of the share can be written (${gap})`,
    'Run flocksync verify; until then the log stays as it is.',
  );
  return null;
}

/** Null for one that cannot be used, or that is not about the records that this member knows. */
async function fetched({ cycle }: Care, stock: Stock, key: string, id: string): Promise<FetchedSnapshot | null> {
  const result = await fetchSnapshot(cycle.ports, cycle.share, key, cycle.inForce.share);
  const known = result.ok ? cycle.ports.journal.record(result.snapshot.head.upTo)?.hash : undefined;
  if (result.ok && (known ?? result.snapshot.head.hash) === result.snapshot.head.hash) return result.snapshot;
  if (result.ok) result.snapshot.remove();
  stock.damaged.set(id, result.ok ? 'it belongs to another history' : result.reason);
  return null;
}

/**
 * Rule H2: before anything goes that the ripe snapshot replaces, it is read once more as a whole. False keeps log and older snapshots,
 * also where nothing would go; a damaged one is replaced at once.
 */
export async function readRipe(care: Care, stock: Stock): Promise<boolean> {
  const ripe = stock.ripe();
  if (ripe === null || care.over()) return false;
  const replaced = outdated(care.cycle.ports.journal.snapshots(), care.ages, care.nowMs);
  if (stock.deletable().length === 0 && replaced.length === 0) return false;
  const key = snapshotKey(care.cycle.share, ripe.upTo, ripe.id);
  const snapshot = await fetched(care, stock, key, ripe.id);
  snapshot?.remove();
  if (snapshot !== null && snapshot.head.hash !== ripe.hash) stock.damaged.set(ripe.id, 'it belongs to another history');
  const reason = stock.damaged.get(ripe.id);
  if (reason === undefined) {
    stock.noteProved(ripe);
    return true;
  }
  care.cycle.note(
    'snapshot-unusable',
    null,
    `the snapshot up to record ${ripe.upTo} cannot be used (${reason})`,
    'A new one is written by itself.',
  );
  if (coveredUpTo(care, stock) < ripe.upTo) await writeSnapshot(care, stock);
  return false;
}
