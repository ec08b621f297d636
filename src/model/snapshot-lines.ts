import { expectHash, expectHex, expectInteger, expectName, expectOneOf, type Json, Malformed, parseObject } from './checks.ts';
import type { Chunk } from './entry.ts';
import type { Limits } from './limits.ts';
import { pathFault } from './path.ts';
import { codecs, payloadKinds } from './record.ts';
import { readList } from './record-contents.ts';
import { entryFields, finishFile, type ReadEntry, readChunk, readEntry } from './record-entry.ts';
import { chunkLines } from './record-lines.ts';
import type { RetiredObject, SnapshotItem, SnapshotLocation, SnapshotRecord, SnapshotVersion } from './snapshot.ts';

/** Characters of a reason that travel; it is for people. */
const reasonLengthMax = 500;

/**
 * The lines of one item. Each names its meaning by `o`: h lineage · r record · p put, d delete, k kept, c chunks of the file in the line
 * before · l location in a pack, i inline · s snapshot · g retired object.
 */
export function itemLines(item: SnapshotItem): readonly string[] {
  switch (item.item) {
    case 'lineage':
      return [`{"o":"h","h":"${item.prefixes.toString('base64')}"}`];
    case 'record':
      return [recordLine(item.row)];
    case 'version':
      return versionLines(item.row);
    case 'location':
      return [locationLine(item.row)];
    case 'snapshot': {
      const { id, upTo, hash, record, atMs } = item.row;
      return [`{"o":"s","i":"${id}","t":${upTo},"h":"${hash}","v":${record},"at":${atMs}}`];
    }
    case 'retired': {
      const { kind, id, record, atMs } = item.row;
      return [`{"o":"g","k":"${kind}","i":"${id}","v":${record},"at":${atMs}}`];
    }
  }
}

function recordLine(row: SnapshotRecord): string {
  const { sequence, hash, id, authorId, author, atMs, kind, verdict, changeset, more, puts, deletes, kept, bytes, bodyId } = row;
  const reason = row.reason.slice(0, reasonLengthMax);
  return JSON.stringify({
    ...{ o: 'r', v: sequence, h: hash, i: id, m: authorId, by: author, at: atMs, kind, verdict, reason, changeset, more },
    ...{ n: [puts, deletes, kept, bytes], body: bodyId },
  });
}

function versionLines({ path, version, k, op, entry, against, atMs, author, approved }: SnapshotVersion): readonly string[] {
  const common = `"p":${JSON.stringify(path)},"v":${version},"at":${atMs},"by":${JSON.stringify(author)}`;
  const mark = approved ? ',"a":true' : '';
  if (entry === null) return [`{"o":"d",${common}${mark}}`];
  const winner = against === 0 ? '' : `,"w":${against}`;
  const fields = entryFields(entry);
  const line = op === 'kept' ? `{"o":"k",${common},"n":${k}${winner}${mark},${fields}}` : `{"o":"p",${common}${winner}${mark},${fields}}`;
  return entry.kind === 'file' && entry.chunks !== null ? [line, ...chunkLines(entry)] : [line];
}

function locationLine({ hash, size, codec, record, pack, offset, length }: SnapshotLocation): string {
  const stored = `"h":"${hash}","s":${size},"n":${length},"z":"${codec}"`;
  return pack === '' ? `{"o":"i",${stored},"v":${record}}` : `{"o":"l",${stored},"k":"${pack}","@":${offset},"v":${record}}`;
}

/** Items from lines. Their order is not looked at. Throws Malformed. */
export function* readItems(lines: Iterable<string>, limits: Limits): Generator<SnapshotItem> {
  let open: { readonly row: SnapshotVersion; readonly read: ReadEntry } | null = null;
  for (const text of lines) {
    const line = parseObject(text, 'a line');
    if (line.o === 'c') {
      readChunks(line, open?.read.awaited ?? null, limits);
      continue;
    }
    if (open !== null) yield closed(open);
    open = null;
    if (line.o !== 'p' && line.o !== 'k') yield readOther(line, limits);
    else {
      const read = readEntry(line, limits);
      open = { row: readVersion(line, read.entry), read };
    }
  }
  if (open !== null) yield closed(open);
}

function readChunks(line: Json, awaited: { readonly count: number; readonly into: Chunk[] } | null, limits: Limits): void {
  if (awaited === null) throw new Malformed('chunks that belong to no file');
  for (const pair of readList(line.c, 'chunks')) {
    if (awaited.into.length >= awaited.count) throw new Malformed('a file has more chunks than announced');
    awaited.into.push(readChunk(pair, limits));
  }
}

function closed({ row, read }: { readonly row: SnapshotVersion; readonly read: ReadEntry }): SnapshotItem {
  if (read.awaited !== null && read.awaited.into.length !== read.awaited.count) throw new Malformed('chunks of a file are missing');
  finishFile(read.entry);
  return { item: 'version', row };
}

function readVersion(line: Json, entry: SnapshotVersion['entry']): SnapshotVersion {
  const fault = pathFault(line.p);
  if (fault !== undefined) throw new Malformed(`a path ${fault}`);
  const kept = line.o === 'k';
  return {
    path: line.p as string,
    version: count(line.v, 1, 'version'),
    k: kept ? count(line.n, 1, 'number of a kept version') : 0,
    op: kept ? 'kept' : entry === null ? 'delete' : 'put',
    entry,
    against: line.w === undefined ? 0 : count(line.w, 1, 'version of a conflict'),
    atMs: count(line.at, 0, 'time'),
    author: label(line.by),
    approved: mark(line.a),
  };
}

function readOther(line: Json, limits: Limits): SnapshotItem {
  switch (line.o) {
    case 'h':
      return { item: 'lineage', prefixes: readBase64(line.h) };
    case 'r':
      return { item: 'record', row: readRecord(line) };
    case 'd':
      return { item: 'version', row: readVersion(line, null) };
    case 'l':
    case 'i':
      return { item: 'location', row: readLocation(line, limits) };
    case 's': {
      const row = { id: id(line.i), upTo: count(line.t, 1, 'upTo'), hash: expectHash(line.h, 'hash'), ...announced(line) };
      return { item: 'snapshot', row };
    }
    case 'g':
      return { item: 'retired', row: { kind: expectOneOf(line.k, retiredKinds, 'kind of object'), id: id(line.i), ...announced(line) } };
    default:
      throw new Malformed('meaning of a line is unknown');
  }
}

const retiredKinds: readonly RetiredObject['kind'][] = ['pack', 'body', 'snapshot'];
const verdicts: readonly SnapshotRecord['verdict'][] = ['ok', 'bad', 'skipped'];

function announced(line: Json): { record: number; atMs: number } {
  return { record: count(line.v, 1, 'record'), atMs: count(line.at, 0, 'time') };
}

function readRecord(line: Json): SnapshotRecord {
  const [puts, deletes, kept, bytes] = readList(line.n, 'counts of a record').map((value) => count(value, 0, 'count'));
  if (bytes === undefined) throw new Malformed('a count of a record is missing');
  const reason = typeof line.reason === 'string' ? line.reason : '';
  return {
    ...{ sequence: count(line.v, 1, 'sequence'), hash: expectHash(line.h, 'hash'), id: idOrNone(line.i), authorId: idOrNone(line.m) },
    ...{
      author: label(line.by),
      atMs: count(line.at, 0, 'time'),
      kind: line.kind === '' ? '' : expectOneOf(line.kind, payloadKinds, 'kind'),
    },
    ...{ verdict: expectOneOf(line.verdict, verdicts, 'verdict'), reason: reason.slice(0, reasonLengthMax) },
    ...{ changeset: line.changeset === '' ? '' : expectHex(line.changeset, 16, 'changeset id'), more: mark(line.more || undefined) },
    ...{ puts: puts ?? 0, deletes: deletes ?? 0, kept: kept ?? 0, bytes, bodyId: idOrNone(line.body) },
  };
}

function readLocation(line: Json, limits: Limits): SnapshotLocation {
  const size = expectInteger(line.s, 1, limits.chunkBytesMax, 'size of a content');
  const length = expectInteger(line.n, 1, limits.chunkBytesMax, 'stored length of a content');
  const codec = expectOneOf(line.z, codecs, 'codec of a content');
  if (codec === 'none' && length !== size) throw new Malformed('stored length is not the size');
  const inline = line.o === 'i';
  return {
    ...{ hash: expectHash(line.h, 'hash'), size, codec, length, record: count(line.v, 0, 'record') },
    pack: inline ? '' : id(line.k),
    offset: inline ? 0 : expectInteger(line['@'], 0, limits.entryBytesMax, 'offset'),
  };
}

function readBase64(value: unknown): Buffer {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]+={0,2}$/.test(value)) throw new Malformed('a piece of the lineage is not base64');
  return Buffer.from(value, 'base64');
}

function count(value: unknown, min: number, what: string): number {
  return expectInteger(value, min, Number.MAX_SAFE_INTEGER, what);
}

function id(value: unknown): string {
  return expectHex(value, 32, 'id');
}

/** What the record of a bad or skipped row lacks is ''. */
function idOrNone(value: unknown): string {
  return value === '' ? '' : id(value);
}

function label(value: unknown): string {
  return value === '' ? '' : expectName(value, 'member name');
}

function mark(value: unknown): boolean {
  if (value !== undefined && value !== true) throw new Malformed('a mark is not true');
  return value === true;
}
