import { existsSync, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { birthLimits } from '../../../src/model/limits.ts';
import { decodeBlob } from '../../../src/model/pack.ts';
import type { Codec, Payload } from '../../../src/model/record.ts';
import { decodePayload, decodeRecord } from '../../../src/model/record-decode.ts';
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

/** Everything that a `file://` bucket can give back, read by the log alone: contents of puts and kept losers that really decode. */
export function contentsInBucket(federation: Federation): Set<Content> {
  const share = join(federation.bucket, 'shop', 'webroot');
  const payloads = payloadsOf(share);
  const held = new Set<Content>();
  for (const payload of payloads) if ('locations' in payload) for (const hash of decodable(share, payload)) held.add(hash);
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

function payloadsOf(share: string): Payload[] {
  const log = join(share, 'log');
  return readdirSync(log).map((name) => {
    const decoded = decodeRecord(readFileSync(join(log, name)), birthLimits);
    if (!decoded.ok) throw new Error(`record ${name} is ${decoded.verdict}: ${decoded.reason}`);
    const body = decoded.body === null ? null : readFileSync(join(share, 'bodies', decoded.body.id));
    const payload = decodePayload(decoded, body, birthLimits);
    if (!payload.ok) throw new Error(`record ${name} is ${payload.verdict}: ${payload.reason}`);
    return payload.payload;
  });
}

function* decodable(share: string, payload: Extract<Payload, { locations: unknown }>): Generator<Content> {
  const decodes = (stored: Buffer, codec: Codec, hash: string, size: number) => decodeBlob(stored, codec, hash, size).ok;
  for (const { hash, size, codec, stored } of payload.inline) if (decodes(stored, codec, hash, size)) yield hash;
  for (const { pack, offset, length, hash, size, codec } of payload.locations) {
    const stored = readFileSync(join(share, 'packs', pack)).subarray(offset, offset + length);
    if (decodes(stored, codec, hash, size)) yield hash;
  }
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
export function lost(federation: Federation, members: readonly string[], seen: ReadonlySet<Content>, live: readonly Tree[]): Content[] {
  const kept = [contentsInBucket(federation), ...live.map(contentsOf), ...members.map((member) => contentsInTrash(federation, member))];
  return [...seen].filter((content) => !kept.some((set) => set.has(content)));
}
