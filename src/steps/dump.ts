import { digestToHex, emptyDigest } from '../model/digest.ts';
import { chunksOf, type Sequence } from '../model/entry.ts';
import type { ShareFormat } from '../model/format.ts';
import { PrefixSet } from '../model/prefix-set.ts';
import type { SnapshotHead, SnapshotItem, SnapshotVersion } from '../model/snapshot.ts';
import { prefixBytes, type SnapshotTally } from '../model/snapshot-check.ts';
import { encodeItems, encodeSnapshotHead, ownHashBytes, snapshotPieces } from '../model/snapshot-encode.ts';
import type { Journal, Location } from '../ports/journal.ts';
import type { ScratchFile } from '../ports/scratch.ts';

export interface DumpOptions {
  /** Of the snapshot, random. */
  readonly id: string;
  readonly format: ShareFormat;
  /** Records that are older than this bucket time are left out but for the last one; the journal's versions are pruned by it already. */
  readonly historyFromMs: number;
  /** Objects that were retired before this bucket time are left out. */
  readonly retiredFromMs: number;
  /** Hash prefixes of the records that the journal was loaded with, from record 1 on, and how many they are. */
  readonly lineage: { readonly prefixes: Iterable<Buffer>; readonly upTo: Sequence };
}

/** A snapshot that is ready to be sent. It lives as long as the scratch file. */
export interface Dumped {
  readonly head: SnapshotHead;
  /** Bytes of the whole object. */
  readonly size: number;
  pieces(): Iterable<Buffer>;
}

/**
 * What the journal holds of the log as a snapshot (rule H1); its frames lie in `file`. The journal must be one that was built from a
 * snapshot and stored records alone, and stand at record 1 at least. Memory: 16 to 32 bytes for each content.
 */
export function dump(journal: Journal, file: ScratchFile, options: DumpOptions): Dumped {
  const [upTo, hash] = [Number(journal.meta('cursor') ?? '0'), journal.meta('cursorHash') ?? ''];
  const frames = encodeItems(items(journal, options), { upTo, hash }, options.format.limits);
  const { counts, digest } = appendAll(frames, file);
  if (digest !== (journal.meta('digest') ?? digestToHex(emptyDigest)))
    throw new Error('the versions of a journal are not what it folds to');
  const { id, format, historyFromMs } = options;
  const atMs = journal.record(upTo)?.atMs ?? 0;
  const head: SnapshotHead = { id, share: format.share, upTo, hash, digest, atMs, historyFromMs, format, counts };
  const start = encodeSnapshotHead(head);
  return { head, size: start.length + file.size + ownHashBytes, pieces: () => snapshotPieces(start, file) };
}

function appendAll(frames: Generator<Buffer, SnapshotTally>, file: ScratchFile): SnapshotTally {
  for (;;) {
    const next = frames.next();
    if (next.done) return next.value;
    file.append(next.value);
  }
}

function* items(journal: Journal, options: DumpOptions): Generator<SnapshotItem> {
  for (const prefixes of lineageOf(journal, options.lineage)) yield { item: 'lineage', prefixes };
  const from = firstRetained(journal, options.historyFromMs);
  for (const row of journal.allRecords()) if (row.sequence >= from) yield { item: 'record', row };
  const needed = new PrefixSet();
  for (const row of journal.allVersions()) {
    noteContents(needed, row);
    yield { item: 'version', row };
  }
  for (const row of listedLocations(journal, needed)) yield { item: 'location', row };
  for (const row of journal.snapshots()) yield { item: 'snapshot', row };
  for (const row of journal.retired()) if (row.atMs >= options.retiredFromMs) yield { item: 'retired', row };
}

/** Bytes of prefixes on one line. */
const lineageBytesMax = 1000 * prefixBytes;

/** However the prefixes were cut before, so that equal states give equal snapshots. */
function* lineageOf(journal: Journal, { prefixes, upTo }: DumpOptions['lineage']): Generator<Buffer> {
  let waiting = Buffer.alloc(0);
  const more = function* (): Generator<Buffer> {
    yield* prefixes;
    for (const { sequence, hash } of journal.allRecords()) if (sequence > upTo) yield Buffer.from(hash.slice(0, 2 * prefixBytes), 'hex');
  };
  for (const piece of more()) {
    waiting = Buffer.concat([waiting, piece]);
    for (; waiting.length >= lineageBytesMax; waiting = waiting.subarray(lineageBytesMax)) yield waiting.subarray(0, lineageBytesMax);
  }
  if (waiting.length > 0) yield waiting;
}

/** From the first record that is young enough on all are kept, so that none is missing between two; the last one always. */
function firstRetained(journal: Journal, historyFromMs: number): Sequence {
  let last = 0;
  for (const { sequence, atMs } of journal.allRecords()) {
    last = sequence;
    if (atMs >= historyFromMs) break;
  }
  return last;
}

function noteContents(needed: PrefixSet, { entry }: SnapshotVersion): void {
  if (entry?.kind === 'file') for (const chunk of chunksOf(entry)) needed.add(chunk.hash);
}

/**
 * All places of what a version names, and every other place that a new change may still rely on: whoever begins with the snapshot must
 * know what those who followed the log know, or it could neither fetch such a content nor see that its pack is in use (rule P2).
 */
function* listedLocations(journal: Journal, needed: PrefixSet): Generator<Location> {
  const floor = Number(journal.meta('inlineFloor') ?? '0');
  let same: Location[] = [];
  for (const location of journal.allLocations()) {
    if (location.pack === '' && location.record <= floor && !needed.has(location.hash)) continue;
    if (same[0] !== undefined && same[0].hash !== location.hash) {
      yield* withoutSpareInline(same);
      same = [];
    }
    same.push(location);
  }
  yield* withoutSpareInline(same);
}

/** Records that hold what a pack holds too may go, so they are no place any more. */
function withoutSpareInline(same: readonly Location[]): readonly Location[] {
  const packed = same.filter(({ pack }) => pack !== '');
  return packed.length > 0 ? packed : same;
}
