import { createHash } from 'node:crypto';
import type { Got, Key, Listed, Listing, Range, UnfinishedUpload } from '../../src/ports/datastore.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';

export interface StoredObject {
  readonly bytes: Buffer;
  readonly modifiedMs: number;
  readonly tag: string;
}

export interface BucketObserver {
  /** `before` is what the object replaces. */
  put(key: Key, object: StoredObject, before: StoredObject | null): void;
  removed(key: Key, before: StoredObject): void;
}

/** What an S3 bucket holds, and what it does the moment that a request is carried out. */
export class Bucket {
  readonly objects = new Map<Key, StoredObject>();
  readonly #uploads = new Map<string, UnfinishedUpload>();
  readonly #nowMs: () => number;
  readonly #observer: BucketObserver;
  #uploadsBegun = 0;

  constructor(nowMs: () => number, observer: BucketObserver) {
    this.#nowMs = nowMs;
    this.#observer = observer;
  }

  nowMs(): number {
    return Math.floor(this.#nowMs() / 1000) * 1000;
  }

  get(key: Key, { bytesMax, range }: { bytesMax: number; range?: Range }): Got | null {
    const object = this.objects.get(key);
    if (object === undefined) return null;
    const { offset, length } = range ?? { offset: 0, length: object.bytes.length };
    if (range !== undefined && (length < 1 || offset >= object.bytes.length)) throw fault('permanent', 'bad-range', key);
    const bytes = object.bytes.subarray(offset, offset + length);
    if (bytes.length > bytesMax) throw fault('permanent', 'too-large', key);
    return { bytes: Buffer.from(bytes), modifiedMs: object.modifiedMs };
  }

  put(key: Key, bytes: Buffer): void {
    const before = this.objects.get(key) ?? null;
    const tag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    const object = { bytes: Buffer.from(bytes), modifiedMs: this.nowMs(), tag };
    this.objects.set(key, object);
    this.#observer.put(key, object, before);
  }

  putIfAbsent(key: Key, bytes: Buffer): 'created' | 'exists' {
    if (this.objects.has(key)) return 'exists';
    this.put(key, bytes);
    return 'created';
  }

  list(prefix: string, after: Key | undefined, limit: number): Listing {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && (after === undefined || key > after)).sort();
    return { objects: keys.slice(0, limit).map((key) => this.#listed(key)), truncated: keys.length > limit };
  }

  listFolders(prefix: string): readonly string[] {
    const below = [...this.objects.keys()].filter((key) => key.startsWith(prefix)).map((key) => key.slice(prefix.length));
    return [...new Set(below.filter((rest) => rest.includes('/')).map((rest) => rest.slice(0, rest.indexOf('/'))))].sort();
  }

  remove(key: Key): void {
    const before = this.objects.get(key);
    if (before === undefined) return;
    this.objects.delete(key);
    this.#observer.removed(key, before);
  }

  /** An upload in parts that costs room from now on; `end` when its parts have become an object. */
  beginUpload(key: Key): { end(): void } {
    const id = `upload-${++this.#uploadsBegun}`;
    this.#uploads.set(id, { key, id, startedMs: this.nowMs() });
    return { end: () => void this.#uploads.delete(id) };
  }

  unfinishedUploads(prefix: string): readonly UnfinishedUpload[] {
    return [...this.#uploads.values()].filter(({ key }) => key.startsWith(prefix));
  }

  abortUpload({ id }: UnfinishedUpload): void {
    this.#uploads.delete(id);
  }

  /** As a backup of the bucket would have it. */
  backUp(): ReadonlyMap<Key, StoredObject> {
    return new Map(this.objects);
  }

  restore(backup: ReadonlyMap<Key, StoredObject>): void {
    this.objects.clear();
    for (const [key, object] of backup) this.objects.set(key, object);
  }

  #listed(key: Key): Listed {
    const { bytes, modifiedMs, tag } = this.objects.get(key) as StoredObject;
    return { key, size: bytes.length, modifiedMs, tag };
  }
}

export function fault(kind: DatastoreFault['kind'], code: string, key: Key): DatastoreFault {
  return new DatastoreFault(kind, code, `simulated: ${code} at ${key}`, 'None: it is simulated.');
}
