/** Slash-separated ASCII key below `<prefix>/<federation>/`, for example `webroot/log/0000000000000042`. */
export type Key = string;

export interface Got {
  readonly bytes: Buffer;
  /** When the store last wrote the object, ms since 1970 by the store's clock. */
  readonly modifiedMs: number;
}

export interface Listed {
  readonly key: Key;
  readonly size: number;
  readonly modifiedMs: number;
  /** Opaque; equal tags with equal size and time mean an unchanged object. '' where the store gives none. */
  readonly tag: string;
}

/** An upload in several parts that was begun and is neither finished nor given up; its parts cost room and are in no listing. */
export interface UnfinishedUpload {
  /** The key that it was begun for; where the store does not remember that, the prefix that was asked for. */
  readonly key: Key;
  readonly id: string;
  readonly startedMs: number;
}

/** Every answer carries the store's own clock (the Date header), ms since 1970: age is never taken from a member's clock. */
export interface Answer<T> {
  readonly value: T;
  readonly dateMs: number;
}

export interface Listing {
  readonly objects: readonly Listed[];
  /** More keys follow the last one. */
  readonly truncated: boolean;
}

export interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * An S3-like store of immutable and a few mutable objects. Every method throws `DatastoreFault` and nothing else.
 * Only `putIfAbsent` gives a guarantee between members: of all puts to one key at most one is 'created'.
 */
export interface Datastore {
  /**
   * The object's bytes, or null when the store says that it does not exist. Throws `permanent` 'too-large' instead of buffering
   * more than `bytesMax`. A body that is shorter than announced is a transient fault, never a short result.
   */
  get(key: Key, options: { bytesMax: number; range?: Range }): Promise<Answer<Got | null>>;
  /** Creates or replaces. Used for bell, heartbeats and objects with random names, where a repeat is harmless. */
  put(key: Key, bytes: Buffer): Promise<Answer<void>>;
  /** Creates only. A fault with kind 'unknown' means that the put may or may not have happened: read back before deciding. */
  putIfAbsent(key: Key, bytes: Buffer): Promise<Answer<'created' | 'exists'>>;
  /** Creates or replaces from a stream of exactly `size` bytes with bounded memory (multipart). `open` is called once per attempt. */
  putStream(key: Key, size: number, open: () => AsyncIterable<Buffer>): Promise<Answer<void>>;
  /** Keys that begin with `prefix` and come after `after` in byte order, at most `limit` (1000 at most). */
  list(prefix: string, options: { after?: Key; limit?: number }): Promise<Answer<Listing>>;
  /** The distinct names between `prefix` and the next '/', in byte order, for example the shares of a federation. */
  listFolders(prefix: string): Promise<Answer<readonly string[]>>;
  /** Removes; an object that does not exist is a success. */
  remove(key: Key): Promise<Answer<void>>;
  /** Unfinished uploads for keys that begin with `prefix`, 1000 at most; the running ones of every member are among them. */
  unfinishedUploads(prefix: string): Promise<Answer<readonly UnfinishedUpload[]>>;
  /** Gives up an unfinished upload; one that is gone is a success. */
  abortUpload(upload: UnfinishedUpload): Promise<Answer<void>>;
  close(): Promise<void>;
}

/**
 * - transient: nothing happened, or it is harmless to repeat; later may succeed (network, timeout, 5xx, throttling).
 * - permanent: repeating the same call will not help until a person changes something (403, missing bucket, bad endpoint).
 * - unknown: a conditional put whose answer was lost.
 */
export type FaultKind = 'transient' | 'permanent' | 'unknown';

/** A store that refuses to create a key as taken and then shows nothing there. */
export function contradiction(key: Key): DatastoreFault {
  const fix = 'Run flocksync doctor; the store must be consistent and have a correct conditional put.';
  return new DatastoreFault('unknown', 'contradiction', `the store says that ${key} exists and that it does not`, fix);
}

export class DatastoreFault extends Error {
  override readonly name = 'DatastoreFault';
  readonly kind: FaultKind;
  /** Stable word for scripts: 'unreachable', 'refused', 'no-bucket', 'throttled', 'timeout', 'too-large', 'server-error', … */
  readonly code: string;
  /** What a person should do about it, one sentence. */
  readonly fix: string;

  constructor(kind: FaultKind, code: string, message: string, fix: string, cause?: unknown) {
    super(message, { cause });
    this.kind = kind;
    this.code = code;
    this.fix = fix;
  }
}
