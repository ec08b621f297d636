import type { Change } from './change.ts';
import type { Chunk, Entry } from './entry.ts';
import type { ChunkLocation, InlineBlob, Payload } from './record.ts';
import { entryFields } from './record-entry.ts';

/** Elements of one line that carries a list; keeps every line far below `lineBytesMax`. */
const listElementsMax = 500;

/**
 * A payload as lines of JSON. The first line holds what belongs to the whole; every further line names its meaning by `o`:
 * p put · d delete · k kept · c chunks of the file in the line before · l location · i inline content · n needed hashes · r retired.
 */
export function payloadLines(payload: Payload): string[] {
  switch (payload.kind) {
    case 'changes':
      return changesLines(payload.changeset, payload.more, payload.changes).concat(contentLines(payload.locations, payload.inline));
    case 'pack':
      return [JSON.stringify({ instead: payload.instead }), ...contentLines(payload.locations, payload.inline)];
    case 'need':
      return ['{}', ...slices(payload.hashes).map((hashes) => JSON.stringify({ o: 'n', h: hashes }))];
    case 'retire':
      return ['{}', ...retiredKinds.flatMap((kind) => retiredLines(kind, payload[kind]))];
    case 'approve':
      return [JSON.stringify({ hold: payload.hold, record: payload.record, unavailable: payload.unavailable })];
    case 'snapshot':
      return [JSON.stringify({ id: payload.id, upTo: payload.upTo, previousHash: payload.previousHash })];
    case 'format':
      return [JSON.stringify({ format: payload.format })];
  }
}

function changesLines(changeset: string, more: boolean, changes: readonly Change[]): string[] {
  const lines = [JSON.stringify({ changeset, more })];
  for (const change of changes) {
    lines.push(changeLine(change));
    if (change.op !== 'delete') lines.push(...chunkLines(change.entry));
  }
  return lines;
}

function changeLine(change: Change): string {
  const path = JSON.stringify(change.path);
  if (change.op === 'put') {
    const beats = change.beats === undefined ? '' : `"w":${change.beats},`;
    const approved = change.approved ? '"a":true,' : '';
    return `{"o":"p","p":${path},"b":${change.base},${beats}${approved}${entryFields(change.entry)}}`;
  }
  if (change.op === 'kept') return `{"o":"k","p":${path},"v":${change.lostTo},${entryFields(change.entry)}}`;
  return `{"o":"d","p":${path},"b":${change.base}${change.approved ? ',"a":true' : ''}}`;
}

/** The lines that follow that of a file which is addressed in several chunks; else none. */
export function chunkLines(entry: Entry): string[] {
  return slices(chunkList(entry)).map(chunksLine);
}

function chunkList(entry: Entry): readonly Chunk[] {
  return entry.kind === 'file' && entry.chunks !== null ? entry.chunks : [];
}

function chunksLine(chunks: readonly Chunk[]): string {
  return `{"o":"c","c":[${chunks.map((chunk) => `["${chunk.hash}",${chunk.size}]`).join(',')}]}`;
}

function contentLines(locations: readonly ChunkLocation[], inline: readonly InlineBlob[]): string[] {
  const located = locations.map(
    (at) => `{"o":"l","h":"${at.hash}","s":${at.size},"k":"${at.pack}","@":${at.offset},"n":${at.length},"z":"${at.codec}"}`,
  );
  return located.concat(
    inline.map((blob) => `{"o":"i","h":"${blob.hash}","s":${blob.size},"n":${blob.stored.length},"z":"${blob.codec}"}`),
  );
}

const retiredKinds = ['packs', 'bodies', 'snapshots'] as const;

function retiredLines(key: (typeof retiredKinds)[number], ids: readonly string[]): string[] {
  return slices(ids).map((part) => JSON.stringify({ o: 'r', [key]: part }));
}

function slices<T>(all: readonly T[]): (readonly T[])[] {
  const found: (readonly T[])[] = [];
  for (let from = 0; from < all.length; from += listElementsMax) found.push(all.slice(from, from + listElementsMax));
  return found;
}
