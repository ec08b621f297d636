import type { Change } from '../../src/model/change.ts';
import { contentHash } from '../../src/model/digest.ts';
import type { Entry } from '../../src/model/entry.ts';
import { birthFormat } from '../../src/model/format.ts';
import type { Payload } from '../../src/model/record.ts';
import { snapshotItems, verifySnapshot } from '../../src/model/snapshot-decode.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { ScratchFile } from '../../src/ports/scratch.ts';
import { dump } from '../../src/steps/dump.ts';
import { fold } from '../../src/steps/fold.ts';
import type { FetchedSnapshot } from '../../src/steps/load.ts';

export const shareFormat = birthFormat('2'.repeat(32), 30 * 24 * 3600 * 1000, { atMs: 1, by: 'web01' });

export function memoryFile(): ScratchFile {
  let bytes = Buffer.alloc(0);
  return {
    get size() {
      return bytes.length;
    },
    append: (more) => {
      bytes = Buffer.concat([bytes, more]);
    },
    read: (offset, length) => bytes.subarray(offset, offset + length),
  };
}

/** What `journal` holds as a snapshot, verified; records that it has folded since record 1 are its lineage. */
export function snapshotOf(journal: Journal, { historyFromMs = 0, retiredFromMs = 0 } = {}): FetchedSnapshot {
  const options = { id: 'e'.repeat(32), format: shareFormat, historyFromMs, retiredFromMs, lineage: { prefixes: [], upTo: 0 } };
  const whole = memoryFile();
  for (const piece of dump(journal, memoryFile(), options).pieces()) whole.append(piece);
  const verified = verifySnapshot(whole, shareFormat.share);
  if (!verified.ok) throw new Error(verified.reason);
  return { head: verified.head, size: whole.size, items: () => snapshotItems(whole, verified), remove: () => {} };
}

export const startMs = 1_700_000_000_000;

/** Folds the next record of a log in which record n came n seconds after the start. */
export function follow(journal: Journal, payload: Payload, more: { readonly atMs?: number } = {}): void {
  const sequence = Number(journal.meta('cursor') ?? '0') + 1;
  const id = String(sequence).padStart(32, '0');
  const author = { id: '3'.repeat(32), name: `web0${sequence % 3}` };
  const header = { format: 1 as const, id, share: shareFormat.share, author, sequence, previous: '0'.repeat(64), writtenMs: 0 };
  const bytes = Buffer.from(`record ${sequence}`);
  const atMs = more.atMs ?? startMs + sequence * 1000;
  const arrived = { header, payload, bytes, hash: contentHash(bytes), body: null, bodyId: '', atMs };
  const folded = fold(journal, arrived, null);
  if (folded.verdict === 'bad') throw new Error(folded.reason);
}

export function changes(...list: Change[]): Payload {
  return { kind: 'changes', changeset: 'c'.repeat(16), more: false, changes: list, locations: [], inline: [] };
}

/** A change that fits what the journal folds to. */
export function changeTo(journal: Journal, path: string, entry: Entry | null): Change {
  const base = journal.folded(path)?.version ?? 0;
  return entry === null ? { op: 'delete', path, base } : { op: 'put', path, base, entry };
}

/** What an apply does once the disk holds what the log wants. */
export function meet(journal: Journal, path: string): void {
  const want = journal.want(path);
  if (want === null) return;
  if (want.entry === null) journal.dropAgreed(path);
  else journal.putAgreed({ path, entry: want.entry, version: want.version, stamp: null });
  journal.dropWant(path);
}
