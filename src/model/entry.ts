/** SHA-256 of content, 64 lower-case hex digits. */
export type Hash = string;
/** Position of a record in the share's log, 1 for the first; 0 = the version of an absent path. */
export type Sequence = number;

/** A piece of content as it is addressed: its hash and its length in bytes before any compression. */
export interface Chunk {
  readonly hash: Hash;
  readonly size: number;
}

/** Owner and group are names (or decimal ids where a machine has no name); null where the author could not know or set them. */
interface Owned {
  readonly owner: string | null;
  readonly group: string | null;
}

export interface FileEntry extends Owned {
  readonly kind: 'file';
  /** Permission bits, 0 to 0o7777. */
  readonly mode: number;
  /** Modification time in whole microseconds since 1970, may be negative. */
  readonly mtimeUs: number;
  readonly size: number;
  /** Of the whole content, so that equal content is recognised however it was cut into chunks. */
  readonly hash: Hash;
  /** The pieces in order; null when the content is one chunk, which then is `hash` and `size`. An empty file has no chunk. */
  readonly chunks: readonly Chunk[] | null;
}

export interface DirEntry extends Owned {
  readonly kind: 'dir';
  readonly mode: number;
}

export interface LinkEntry extends Owned {
  readonly kind: 'link';
  /** Verbatim bytes, never resolved. */
  readonly target: string;
}

/** What stands at a path. Absence is `undefined` or null at the places that allow it. */
export type Entry = FileEntry | DirEntry | LinkEntry;
export type Kind = Entry['kind'];

/** An entry together with the record that put it there. */
export interface Versioned {
  readonly entry: Entry;
  readonly version: Sequence;
}

export function chunksOf(entry: FileEntry): readonly Chunk[] {
  if (entry.size === 0) return [];
  return entry.chunks ?? [{ hash: entry.hash, size: entry.size }];
}

/** Equal content, kind and link target: what rule R1 calls agreement on content. Metadata is not looked at. */
export function sameContent(a: Entry | null, b: Entry | null): boolean {
  if (a === null || b === null) return a === b;
  if (a.kind === 'file') return b.kind === 'file' && a.size === b.size && a.hash === b.hash;
  if (a.kind === 'link') return b.kind === 'link' && a.target === b.target;
  return b.kind === 'dir';
}

export function sameEntry(a: Entry | null, b: Entry | null): boolean {
  return sameContent(a, b) && (a === null || b === null || metadataDifference(a, b).length === 0);
}

export type Attribute = 'mode' | 'mtimeUs' | 'owner' | 'group';

/** The attributes in which two entries of one kind differ. A null owner or group says nothing and differs from nothing. */
export function metadataDifference(a: Entry, b: Entry): Attribute[] {
  const found: Attribute[] = [];
  if (modeOf(a) !== modeOf(b)) found.push('mode');
  if (a.kind === 'file' && b.kind === 'file' && a.mtimeUs !== b.mtimeUs) found.push('mtimeUs');
  if (a.owner !== null && b.owner !== null && a.owner !== b.owner) found.push('owner');
  if (a.group !== null && b.group !== null && a.group !== b.group) found.push('group');
  return found;
}

function modeOf(entry: Entry): number {
  return entry.kind === 'link' ? 0 : entry.mode;
}

/** `onto` with the named attributes taken from `from`; attributes that one of the kinds lacks are left alone. */
export function withAttributes(onto: Entry, from: Entry, attributes: readonly Attribute[]): Entry {
  const taken: Record<string, unknown> = {};
  for (const name of attributes) if (name in from && name in onto) taken[name] = (from as unknown as Record<string, unknown>)[name];
  return { ...onto, ...taken } as Entry;
}
