import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { birthLimits } from '../../../src/model/limits.ts';
import { decodeBlob } from '../../../src/model/pack.ts';
import type { ChunkLocation, Payload } from '../../../src/model/record.ts';
import { decodePayload, decodeRecord } from '../../../src/model/record-decode.ts';
import type { Datastore } from '../../../src/ports/datastore.ts';
import type { Federation } from './federation.ts';
import { hashOf, type Tree } from './tree.ts';

/** A content as one word: the hash of a file's bytes, or the target of a link. */
export type Content = string;

const empty = hashOf('');

/** The contents that a tree shows; an empty file is no content that could be lost. */
export function contentsOf(tree: Tree): Set<Content> {
  const found = new Set<Content>();
  for (const words of tree.values()) {
    const content = words.startsWith('file') ? (words.split(' ')[4] as string) : words.startsWith('link') ? words : empty;
    if (content !== empty) found.add(content);
  }
  return found;
}

/** Everything that a bucket can give back, read by the log alone: contents of puts and kept losers that really decode. */
export async function contentsInStore(store: Datastore, share: string): Promise<Set<Content>> {
  const payloads = await payloadsIn(store, share);
  const held = await decodable(store, share, payloads);
  const versions = new Set<Content>();
  for (const payload of payloads) {
    for (const change of payload.kind === 'changes' ? payload.changes : []) {
      const entry = change.op === 'delete' ? null : change.entry;
      if (entry?.kind === 'link') versions.add(`link ${entry.target}`);
      const chunks = entry?.kind === 'file' ? (entry.chunks ?? [{ hash: entry.hash }]) : [];
      if (entry?.kind === 'file' && chunks.every((chunk) => held.has(chunk.hash))) versions.add(entry.hash);
    }
  }
  return versions;
}

/** What the records of the log say, in order. */
export async function payloadsIn(store: Datastore, share: string): Promise<Payload[]> {
  const payloads: Payload[] = [];
  for (const key of await keysBelow(store, `${share}/log/0`)) {
    const decoded = decodeRecord(await contentOf(store, key), birthLimits);
    if (!decoded.ok) throw new Error(`record ${key} is ${decoded.verdict}: ${decoded.reason}`);
    const body = decoded.body === null ? null : await contentOf(store, `${share}/bodies/${decoded.body.id}`);
    const payload = decodePayload(decoded, body, birthLimits);
    if (!payload.ok) throw new Error(`record ${key} is ${payload.verdict}: ${payload.reason}`);
    payloads.push(payload.payload);
  }
  return payloads;
}

async function keysBelow(store: Datastore, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for (;;) {
    const after = keys.at(-1);
    const { objects, truncated } = (await store.list(prefix, after === undefined ? {} : { after })).value;
    keys.push(...objects.map(({ key }) => key));
    if (!truncated) return keys;
  }
}

const objectBytesMax = 2 ** 31;

async function contentOf(store: Datastore, key: string): Promise<Buffer> {
  const got = (await store.get(key, { bytesMax: objectBytesMax })).value;
  if (got === null) throw new Error(`${key} is missing in the bucket`);
  return got.bytes;
}

/** Hashes of contents that some place really delivers; each pack is read once. */
async function decodable(store: Datastore, share: string, payloads: readonly Payload[]): Promise<Set<string>> {
  const held = new Set<string>();
  const packs = new Map<string, ChunkLocation[]>();
  const note = (stored: Buffer, { codec, hash, size }: Pick<ChunkLocation, 'codec' | 'hash' | 'size'>) => {
    if (decodeBlob(stored, codec, hash, size).ok) held.add(hash);
  };
  for (const payload of payloads) {
    if (!('locations' in payload)) continue;
    for (const inline of payload.inline) note(inline.stored, inline);
    for (const location of payload.locations) packs.set(location.pack, [...(packs.get(location.pack) ?? []), location]);
  }
  for (const [pack, locations] of packs) {
    // One that was retired has been replaced by another.
    const bytes = (await store.get(`${share}/packs/${pack}`, { bytesMax: objectBytesMax })).value?.bytes;
    if (bytes !== undefined) for (const at of locations) note(bytes.subarray(at.offset, at.offset + at.length), at);
  }
  return held;
}

/** What a member's trash holds, beside the root or inside it. */
export function contentsInTrash(federation: Federation, member: string): Set<Content> {
  const root = federation.root(member);
  const found = new Set<Content>();
  for (const trash of [join(root, '..', '.flocksync-webroot', 'trash'), join(root, '.flocksync', 'trash')]) {
    if (!existsSync(trash)) continue;
    for (const entry of readdirSync(trash, { withFileTypes: true })) {
      const path = join(trash, entry.name);
      if (entry.isSymbolicLink()) found.add(`link ${readlinkSync(path, 'latin1')}`);
      else if (statSync(path).isFile()) found.add(hashOf(readFileSync(path)));
    }
  }
  return found;
}

/** Contents of `seen` that are neither in the bucket, nor live at a member, nor in a trash: what was lost. */
export async function lost(
  federation: Federation,
  members: readonly string[],
  seen: ReadonlySet<Content>,
  live: readonly Tree[],
): Promise<Content[]> {
  const inBucket = await contentsInStore(await federation.open(), 'webroot');
  const kept = [inBucket, ...live.map(contentsOf), ...members.map((member) => contentsInTrash(federation, member))];
  return [...seen].filter((content) => !kept.some((set) => set.has(content)));
}
