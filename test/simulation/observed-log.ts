import type { Change } from '../../src/model/change.ts';
import { addDigest, type Digest, digestOf, digestToHex, emptyDigest, removeDigest } from '../../src/model/digest.ts';
import { chunksOf, type Entry, type Hash, type Sequence } from '../../src/model/entry.ts';
import { bodyKey, logKey, packKey, parseLogKey, parseSnapshotKey } from '../../src/model/keys.ts';
import type { Limits } from '../../src/model/limits.ts';
import { decodeBlob } from '../../src/model/pack.ts';
import { ancestorsOf, type BytePath } from '../../src/model/path.ts';
import type { ChangesPayload, ChunkLocation, InlineBlob, Payload } from '../../src/model/record.ts';
import { noPrevious } from '../../src/model/record.ts';
import { decodePayload, decodeRecord, recordHash } from '../../src/model/record-decode.ts';
import type { Bucket, BucketObserver, StoredObject } from './bucket.ts';
import { type ContentKey, keyOfEntry } from './contents.ts';
import { Violation } from './violation.ts';

export interface ObservedVersion {
  readonly version: Sequence;
  readonly op: 'put' | 'delete' | 'kept';
  readonly entry: Entry | null;
  readonly key: ContentKey;
  readonly author: string;
  /** Bucket time of its record, ms. */
  readonly atMs: number;
  /** Bucket time of the record that superseded it; of what is kept its own; null while it is live. */
  endedMs: number | null;
}

interface Live {
  readonly entry: Entry;
  readonly version: Sequence;
}

interface Place {
  /** Key of the object that holds it. */
  readonly object: string;
}

/** Asked about each change before it is folded; throws a Violation. */
export type JudgeChange = (
  change: Change,
  author: { readonly id: string; readonly name: string },
  live: Live | null,
  log: ObservedLog,
) => void;

/**
 * The log as somebody sees it who watches the bucket: folded by code of its own, so that it can say at every moment what must be there. Every
 * reference has to resolve when it is made, and nothing goes that a retained version still needs (rules L1, L2, P1 to P3, H1, H2).
 */
export class ObservedLog implements BucketObserver {
  head: Sequence = 0;
  headHash: Hash = noPrevious;
  digest: Digest = emptyDigest;
  /** Records that came to stand beyond the end of the log. */
  readonly strays = new Set<Sequence>();
  readonly records = new Map<Sequence, { readonly hash: Hash; readonly digest: string; readonly author: string }>();
  readonly fold = new Map<BytePath, Live>();
  readonly versions = new Map<BytePath, ObservedVersion[]>();
  readonly #places = new Map<Hash, Place[]>();
  readonly #share: string;
  readonly #limits: Limits;
  readonly #historyMs: number;
  readonly #judge: JudgeChange;
  #bucket: Bucket | null = null;
  /** The bucket was set back once: what is not in it any more may still be on its way. */
  relaxed = false;

  constructor(share: string, limits: Limits, historyMs: number, judge: JudgeChange) {
    this.#share = share;
    this.#limits = limits;
    this.#historyMs = historyMs;
    this.#judge = judge;
  }

  watch(bucket: Bucket): void {
    this.#bucket = bucket;
  }

  put(key: string, object: StoredObject, before: StoredObject | null): void {
    if (/\/(packs|bodies|snapshots)\//.test(key) && before !== null && !before.bytes.equals(object.bytes))
      throw new Violation(`${key} has been written twice with other bytes`);
    const sequence = parseLogKey(key)?.sequence;
    if (sequence === undefined) return;
    const known = this.records.get(sequence);
    if (known !== undefined) {
      if (known.hash !== recordHash(object.bytes) && !this.relaxed)
        throw new Violation(`record ${sequence} has been written again with other bytes`);
      return;
    }
    if (sequence !== this.head + 1) {
      this.strays.add(sequence);
      return;
    }
    this.#take(sequence, object);
    while (this.strays.delete(this.head + 1)) {
      const next = this.#bucket?.objects.get(logKey(this.#share, this.head + 1));
      if (next === undefined || !this.#take(this.head + 1, next)) break;
    }
  }

  removed(key: string): void {
    const sequence = parseLogKey(key)?.sequence;
    if (sequence !== undefined && this.strays.delete(sequence)) return;
    if (sequence !== undefined) this.#assertCovered(sequence);
    for (const [hash, places] of this.#places) {
      const left = places.filter(({ object }) => object !== key);
      if (left.length === places.length) continue;
      this.#places.set(hash, left);
      if (left.length === 0 && !this.relaxed) this.#assertUnneeded(hash, key);
    }
  }

  /** Contents that a live or retained version names and no object holds. */
  unresolved(): string[] {
    if (this.relaxed) return [];
    const needed = this.#neededHashes();
    return [...needed].filter(([hash]) => !this.#resolves(hash)).map(([hash, path]) => `${path} (${hash.slice(0, 8)})`);
  }

  history(path: BytePath): readonly ObservedVersion[] {
    return this.versions.get(path) ?? [];
  }

  /** Some version of the path, live, superseded or kept, was this. */
  knows(path: BytePath, key: ContentKey): boolean {
    return this.history(path).some((version) => version.key === key);
  }

  copy(): ObservedLog {
    const copy = new ObservedLog(this.#share, this.#limits, this.#historyMs, this.#judge);
    copy.#bucket = this.#bucket;
    copy.head = this.head;
    copy.headHash = this.headHash;
    copy.digest = this.digest;
    for (const [sequence, record] of this.records) copy.records.set(sequence, record);
    for (const [path, live] of this.fold) copy.fold.set(path, live);
    for (const [path, versions] of this.versions)
      copy.versions.set(
        path,
        versions.map((version) => ({ ...version })),
      );
    for (const [hash, places] of this.#places) copy.#places.set(hash, places);
    return copy;
  }

  // ---- one record -------------------------------------------------------------------------------------------------------------

  /** False where it does not follow on what is known, which only a bucket that was set back may have. */
  #take(sequence: Sequence, { bytes, modifiedMs }: StoredObject): boolean {
    const decoded = decodeRecord(bytes, this.#limits);
    if (!decoded.ok) throw new Violation(`record ${sequence} is ${decoded.verdict}: ${decoded.reason}`);
    if (decoded.header.previous !== this.headHash || decoded.header.sequence !== sequence) {
      if (!this.relaxed) throw new Violation(`record ${sequence} does not follow on record ${this.head}`);
      return false;
    }
    const body = decoded.body === null ? null : (this.#bucket?.objects.get(bodyKey(this.#share, decoded.body.id))?.bytes ?? null);
    const payload = decodePayload(decoded, body, this.#limits);
    if (!payload.ok) throw new Violation(`the payload of record ${sequence} is ${payload.verdict}: ${payload.reason}`);
    this.head = sequence;
    this.headHash = decoded.hash;
    this.#foldPayload(sequence, payload.payload, decoded.header.author, modifiedMs);
    this.records.set(sequence, { hash: decoded.hash, digest: digestToHex(this.digest), author: decoded.header.author.id });
    return true;
  }

  #foldPayload(sequence: Sequence, payload: Payload, author: { readonly id: string; readonly name: string }, atMs: number): void {
    if (payload.kind === 'changes' || payload.kind === 'pack') this.#learn(sequence, payload.locations, payload.inline);
    if (payload.kind === 'changes') this.#foldChanges(sequence, payload, author, atMs);
    if (payload.kind === 'snapshot') this.#assertSnapshot(payload.id);
    if (payload.kind !== 'retire') return;
    for (const pack of payload.packs) this.#assertRetirable(packKey(this.#share, pack));
  }

  #learn(sequence: Sequence, locations: readonly ChunkLocation[], inline: readonly InlineBlob[]): void {
    for (const location of locations) {
      const object = packKey(this.#share, location.pack);
      const stored = this.#bucket?.objects.get(object)?.bytes.subarray(location.offset, location.offset + location.length);
      const read = stored === undefined ? null : decodeBlob(stored, location.codec, location.hash, location.size);
      if (read === null || !read.ok) {
        if (this.relaxed) continue;
        throw new Violation(
          `record ${sequence} names ${location.hash.slice(0, 8)} in pack ${location.pack}: ${read?.reason ?? 'there is none'}`,
        );
      }
      this.#addPlace(location.hash, object);
    }
    for (const blob of inline) {
      const read = decodeBlob(blob.stored, blob.codec, blob.hash, blob.size);
      if (!read.ok) throw new Violation(`record ${sequence} carries ${blob.hash.slice(0, 8)}: ${read.reason}`);
      this.#addPlace(blob.hash, logKey(this.#share, sequence));
    }
  }

  #addPlace(hash: Hash, object: string): void {
    const places = this.#places.get(hash) ?? [];
    if (!places.some((place) => place.object === object)) this.#places.set(hash, [...places, { object }]);
  }

  #foldChanges(
    sequence: Sequence,
    { changes }: ChangesPayload,
    author: { readonly id: string; readonly name: string },
    atMs: number,
  ): void {
    for (const change of changes) {
      const live = this.fold.get(change.path) ?? null;
      this.#judge(change, author, live, this);
      if (change.op !== 'delete') this.#assertResolved(sequence, change.path, change.entry);
      this.#noteVersion(sequence, change, author.name, atMs);
      if (change.op === 'kept') continue;
      if (change.base !== (live?.version ?? 0))
        throw new Violation(`record ${sequence} changes ${change.path} over ${change.base}, not ${live?.version ?? 0}`);
      if (live !== null) this.digest = removeDigest(this.digest, digestOf(change.path, live.entry));
      if (change.op === 'delete') this.fold.delete(change.path);
      else {
        this.fold.set(change.path, { entry: change.entry, version: sequence });
        this.digest = addDigest(this.digest, digestOf(change.path, change.entry));
      }
    }
    this.#assertWellFormed(sequence);
  }

  #noteVersion(version: Sequence, change: Change, author: string, atMs: number): void {
    const versions = this.versions.get(change.path) ?? [];
    if (change.op !== 'kept') for (const earlier of versions) if (earlier.op !== 'kept') earlier.endedMs ??= atMs;
    const entry = change.op === 'delete' ? null : change.entry;
    versions.push({ version, op: change.op, entry, key: keyOfEntry(entry), author, atMs, endedMs: change.op === 'put' ? null : atMs });
    this.versions.set(change.path, versions);
  }

  // ---- what must hold ---------------------------------------------------------------------------------------------------------

  #assertWellFormed(sequence: Sequence): void {
    for (const path of this.fold.keys())
      for (const ancestor of ancestorsOf(path))
        if (this.fold.get(ancestor)?.entry.kind !== 'dir')
          throw new Violation(`after record ${sequence} ${path} lies below ${ancestor}, which is no directory`);
  }

  #assertResolved(sequence: Sequence, path: BytePath, entry: Entry): void {
    if (entry.kind !== 'file' || this.relaxed) return;
    for (const { hash } of chunksOf(entry))
      if (!this.#resolves(hash))
        throw new Violation(`record ${sequence} puts ${path}, and no object holds its content ${hash.slice(0, 8)}`);
  }

  #assertSnapshot(id: string): void {
    const keys = [...(this.#bucket?.objects.keys() ?? [])];
    if (!keys.some((key) => parseSnapshotKey(key)?.id === id)) throw new Violation(`snapshot ${id} is announced and is not there`);
  }

  /** A location is retired only after another stands (rule P2). */
  #assertRetirable(object: string): void {
    if (this.relaxed) return;
    for (const [hash, path] of this.#neededHashes()) {
      const places = this.#places.get(hash) ?? [];
      if (places.length > 0 && places.every((place) => place.object === object))
        throw new Violation(`${object} is retired, the only place of ${path}`);
    }
  }

  #assertUnneeded(hash: Hash, object: string): void {
    const path = this.#neededHashes().get(hash);
    if (path !== undefined) throw new Violation(`${object} is deleted, which a retained version of ${path} needs`);
  }

  /** A record goes only behind a snapshot that stands; head and predecessor stay (rules H1, L6). */
  #assertCovered(sequence: Sequence): void {
    if (this.relaxed) return;
    if (sequence >= this.head - 1) throw new Violation(`record ${sequence} is deleted, with ${this.head} the last one`);
    const keys = [...(this.#bucket?.objects.keys() ?? [])];
    const covered = keys.some((key) => (parseSnapshotKey(key)?.upTo ?? 0) >= sequence);
    if (!covered) throw new Violation(`record ${sequence} is deleted, and no snapshot covers it`);
  }

  #resolves(hash: Hash): boolean {
    return (this.#places.get(hash) ?? []).some(({ object }) => this.#bucket?.objects.has(object));
  }

  /** Contents of what is live, and of what was superseded or kept within the retention, with a path of each. */
  #neededHashes(): Map<Hash, BytePath> {
    const nowMs = this.#bucket?.nowMs() ?? 0;
    const needed = new Map<Hash, BytePath>();
    for (const [path, versions] of this.versions)
      for (const { entry, endedMs } of versions) {
        const retained = endedMs === null || nowMs < endedMs + this.#historyMs;
        if (entry?.kind === 'file' && retained) for (const { hash } of chunksOf(entry)) needed.set(hash, path);
      }
    return needed;
  }
}
