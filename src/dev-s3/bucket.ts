import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Refusal } from './exchange.ts';

export interface Stored {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
  /** Without quotes; undefined until it is asked for, for what an earlier process stored. */
  etag: string | undefined;
}

export interface Conditions {
  readonly ifNoneMatch?: string | undefined;
  readonly ifMatch?: string | undefined;
}

const pieceMax = 200;

/**
 * One bucket as a folder: `objects/` with one file per key, `incoming/` with what has no name yet. One process owns the folder and
 * keeps an index of the keys in memory. Checking a condition and renaming happen without a pause between them, so they are atomic.
 */
export class Bucket {
  readonly folder: string;
  readonly #objects = new Map<string, Stored>();
  #sorted: string[] | undefined;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, 'objects'), { recursive: true });
    rmSync(join(folder, 'incoming'), { recursive: true, force: true });
    mkdirSync(join(folder, 'incoming'));
    this.#load('', '');
  }

  newPath(): string {
    return join(this.folder, 'incoming', randomUUID());
  }

  find(key: string): Stored | undefined {
    return this.#objects.get(key);
  }

  get size(): number {
    return this.#objects.size;
  }

  /** All keys in byte order. */
  keys(): readonly string[] {
    this.#sorted ??= [...this.#objects.keys()].sort();
    return this.#sorted;
  }

  /** Gives a complete file its key. Throws 412 or 404 when a condition does not hold; the file is then removed. */
  commit(key: string, file: { path: string; size: number; etag: string }, conditions: Conditions, nowMs: number): Stored {
    try {
      this.#require(key, conditions);
      const name = fileOf(key);
      const path = join(this.folder, 'objects', name);
      if (name.includes('/')) mkdirSync(dirname(path), { recursive: true });
      utimesSync(file.path, nowMs / 1000, nowMs / 1000);
      renameSync(file.path, path);
      const stored: Stored = { path, size: file.size, modifiedMs: nowMs, etag: file.etag };
      if (!this.#objects.has(key)) this.#sorted = undefined;
      this.#objects.set(key, stored);
      return stored;
    } finally {
      rmSync(file.path, { force: true });
    }
  }

  remove(key: string): void {
    const stored = this.#objects.get(key);
    if (!stored) return;
    rmSync(stored.path, { force: true });
    this.#objects.delete(key);
    this.#sorted = undefined;
  }

  async etagOf(stored: Stored): Promise<string> {
    if (stored.etag === undefined) {
      const hash = createHash('md5');
      for await (const chunk of createReadStream(stored.path)) hash.update(chunk as Buffer);
      stored.etag = hash.digest('hex');
    }
    return stored.etag;
  }

  #require(key: string, { ifNoneMatch, ifMatch }: Conditions): void {
    const present = this.#objects.get(key);
    if (ifNoneMatch !== undefined) {
      if (ifNoneMatch !== '*') throw new Refusal(501, 'NotImplemented', 'If-None-Match of a put is implemented for * only.');
      if (present) throw preconditionFailed();
    }
    if (ifMatch === undefined) return;
    if (!present) throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
    if (ifMatch !== '*' && ifMatch.replaceAll('"', '') !== present.etag) throw preconditionFailed();
  }

  #load(folder: string, name: string): void {
    for (const entry of readdirSync(join(this.folder, 'objects', folder), { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) {
        this.#load(path, name + entry.name.slice(0, -1));
        continue;
      }
      const full = join(this.folder, 'objects', path);
      const stat = statSync(full);
      this.#objects.set(keyOf(name + entry.name), { path: full, size: stat.size, modifiedMs: Math.trunc(stat.mtimeMs), etag: undefined });
    }
  }
}

function preconditionFailed(): Refusal {
  return new Refusal(412, 'PreconditionFailed', 'At least one of the preconditions you specified did not hold.');
}

/** Any byte string as a path: percent-encoded, and cut into folders (which end in %, as no encoding does) where a name would be too long. */
export function fileOf(key: string): string {
  const encoded = key.replace(/[^A-Za-z0-9_~@+=-]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
  const pieces: string[] = [];
  for (let at = 0; at < encoded.length; at += pieceMax) pieces.push(encoded.slice(at, at + pieceMax));
  return pieces.join('%/');
}

function keyOf(name: string): string {
  return name.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The buckets of one directory. */
export class Buckets {
  readonly #directory: string;
  readonly #open = new Map<string, Bucket>();

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
    for (const name of readdirSync(directory)) if (existsSync(join(directory, name, 'objects'))) this.create(name);
  }

  names(): string[] {
    return [...this.#open.keys()].sort();
  }

  find(name: string): Bucket {
    const bucket = this.#open.get(name);
    if (!bucket) throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist.');
    return bucket;
  }

  create(name: string): void {
    if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name)) throw new Refusal(400, 'InvalidBucketName', 'The specified bucket is not valid.');
    if (!this.#open.has(name)) this.#open.set(name, new Bucket(join(this.#directory, name)));
  }

  remove(name: string): void {
    const bucket = this.find(name);
    if (bucket.size > 0) throw new Refusal(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty.');
    this.#open.delete(name);
    rmSync(bucket.folder, { recursive: true, force: true });
  }
}
