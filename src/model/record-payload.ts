import type { Change } from './change.ts';
import { expectBoolean, expectHash, expectHex, expectInteger, expectObject, type Json, Malformed, parseObject } from './checks.ts';
import type { Sequence } from './entry.ts';
import type { Limits } from './limits.ts';
import { pathFault } from './path.ts';
import type { ApprovePayload, ChangesPayload, NeedPayload, Payload, RetirePayload } from './record.ts';
import { type Contents, contentsOf, readContentLine, readList } from './record-contents.ts';
import { finishFile, type ReadEntry, readChunk, readEntry } from './record-entry.ts';

/** What a reader of lines must know besides them. */
export interface PayloadContext {
  /** The record's own number: every base and every winner lies below it. */
  readonly sequence: Sequence;
  /** Stored bytes of the inline contents, one after the other. */
  readonly inline: Buffer;
  readonly limits: Limits;
}

/** The payload, checked against the format in force. Throws Malformed at the first line that breaks it. */
export function readPayload(kind: Payload['kind'], lines: Iterator<string>, context: PayloadContext): Payload {
  const first = lines.next();
  if (first.done) throw new Malformed('the payload is empty');
  const head = parseObject(first.value, 'first line');
  const rest = { [Symbol.iterator]: () => lines };
  if (context.inline.length > 0 && kind !== 'changes' && kind !== 'pack') throw new Malformed('inline content that nothing describes');
  switch (kind) {
    case 'changes':
      return readChanges(head, rest, context);
    case 'pack':
      return readPack(head, rest, context);
    case 'need':
      return readNeed(rest, context.limits);
    case 'retire':
      return readRetire(rest, context.limits);
    default:
      if (!lines.next().done) throw new Malformed('more than one line');
      return readDecision(kind, head, context.sequence);
  }
}

function readDecision(kind: 'approve' | 'snapshot' | 'format', head: Json, sequence: Sequence): Payload {
  if (kind === 'approve') return readApprove(head, sequence);
  if (kind === 'format') return { kind, format: expectInteger(head.format, 1, 1_000_000, 'format') };
  return {
    kind,
    id: expectHex(head.id, 32, 'snapshot id'),
    upTo: readEarlier(head.upTo, 1, sequence, 'upTo'),
    previousHash: expectHash(head.previousHash, 'previousHash'),
  };
}

function readChanges(head: Json, lines: Iterable<string>, context: PayloadContext): ChangesPayload {
  const reading: ChangeReading = { changes: [], paths: new Set(), open: null, chunks: 0 };
  const contents = contentsOf(context.inline);
  for (const text of lines) {
    const line = parseObject(text, 'a line');
    if (line.o === 'c') readChunks(line, reading, context.limits);
    else {
      closeFile(reading);
      if (!readContentLine(line, contents, context.limits)) readChange(line, reading, context);
    }
  }
  closeFile(reading);
  return {
    kind: 'changes',
    changeset: expectHex(head.changeset, 16, 'changeset id'),
    more: expectBoolean(head.more, 'more'),
    changes: reading.changes,
    ...finished(contents),
  };
}

interface ChangeReading {
  readonly changes: Change[];
  readonly paths: Set<string>;
  /** The file in the line before, while its chunks are being read. */
  open: ReadEntry | null;
  chunks: number;
}

function readChange(line: Json, reading: ChangeReading, context: PayloadContext): void {
  if (reading.changes.length >= context.limits.changesMax) throw new Malformed(`more than ${context.limits.changesMax} changes`);
  const fault = pathFault(line.p);
  if (fault !== undefined) throw new Malformed(`a path ${fault}`);
  const path = line.p as string;
  if (line.o !== 'k' && reading.paths.size === reading.paths.add(path).size) throw new Malformed('a path is there twice');
  if (line.o === 'd') reading.changes.push(readDelete(line, path, context.sequence));
  else if (line.o === 'p' || line.o === 'k') {
    reading.open = readEntry(line, context.limits);
    reading.changes.push(readWithEntry(line, path, reading.open, context.sequence));
  } else throw new Malformed('meaning of a line is unknown');
}

function readWithEntry(line: Json, path: string, { entry }: ReadEntry, sequence: Sequence): Change {
  if (line.o === 'k') return { op: 'kept', path, entry, lostTo: readEarlier(line.v, 0, sequence, 'winner') };
  const base = readEarlier(line.b, 0, sequence, 'base');
  // Most changes are neither: they are not copied once more.
  if (line.a === undefined && line.w === undefined) return { op: 'put', path, base, entry };
  const put = { op: 'put' as const, path, base, entry, ...readApproved(line) };
  return line.w === undefined ? put : { ...put, beats: readEarlier(line.w, 1, sequence, 'beaten version') };
}

function readDelete(line: Json, path: string, sequence: Sequence): Change {
  const base = readEarlier(line.b, 1, sequence, 'base of a deletion');
  return { op: 'delete', path, base, ...readApproved(line) };
}

function readApproved(line: Json): { approved?: true } {
  if (line.a === undefined) return {};
  if (line.a !== true) throw new Malformed('mark of approval is not true');
  return { approved: true };
}

function readChunks(line: Json, reading: ChangeReading, limits: Limits): void {
  const awaited = reading.open?.awaited ?? null;
  const pairs = readList(line.c, 'chunks');
  reading.chunks += pairs.length;
  if (awaited === null) throw new Malformed('chunks that belong to no file');
  if (reading.chunks > limits.changesMax) throw new Malformed(`more than ${limits.changesMax} chunks`);
  for (const pair of pairs) awaited.into.push(readChunk(pair, limits));
}

function closeFile(reading: ChangeReading): void {
  const open = reading.open;
  if (open === null) return;
  reading.open = null;
  if (open.awaited !== null && open.awaited.into.length !== open.awaited.count) throw new Malformed('chunks of a file are missing');
  finishFile(open.entry);
}

function readPack(head: Json, lines: Iterable<string>, { inline, limits }: PayloadContext): Payload {
  const contents = contentsOf(inline);
  for (const text of lines) {
    if (!readContentLine(parseObject(text, 'a line'), contents, limits)) throw new Malformed('meaning of a line is unknown');
  }
  if (head.instead !== undefined && head.instead !== true) throw new Malformed('mark of replaced places is not true');
  return { kind: 'pack', ...(head.instead === true ? { instead: true } : {}), ...finished(contents) };
}

function finished({ locations, inline, used, stored }: Contents): Pick<ChangesPayload, 'locations' | 'inline'> {
  if (used !== stored.length) throw new Malformed('inline contents are not as long as their lines say');
  return { locations, inline };
}

function readNeed(lines: Iterable<string>, limits: Limits): NeedPayload {
  const hashes: string[] = [];
  for (const text of lines) {
    const line = parseObject(text, 'a line');
    if (line.o !== 'n') throw new Malformed('meaning of a line is unknown');
    for (const hash of readList(line.h, 'hashes')) hashes.push(expectHash(hash, 'hash'));
    if (hashes.length > limits.changesMax) throw new Malformed(`more than ${limits.changesMax} hashes`);
  }
  return { kind: 'need', hashes };
}

function readRetire(lines: Iterable<string>, limits: Limits): RetirePayload {
  const retired = { packs: [] as string[], bodies: [] as string[], snapshots: [] as string[] };
  let count = 0;
  for (const text of lines) {
    const line = parseObject(text, 'a line');
    if (line.o !== 'r') throw new Malformed('meaning of a line is unknown');
    for (const kind of ['packs', 'bodies', 'snapshots'] as const) {
      const ids = readList(line[kind] ?? [], kind);
      count += ids.length;
      if (count > limits.changesMax) throw new Malformed(`more than ${limits.changesMax} objects`);
      for (const id of ids) retired[kind].push(expectHex(id, 32, 'id of a retired object'));
    }
  }
  return { kind: 'retire', ...retired };
}

function readApprove(head: Json, sequence: Sequence): ApprovePayload {
  const { hold, record, unavailable } = head;
  if ([hold, record, unavailable].filter((given) => given !== undefined).length !== 1)
    throw new Malformed('not exactly one thing is approved');
  if (hold !== undefined) return { kind: 'approve', hold: expectHoldId(hold) };
  if (record !== undefined) return { kind: 'approve', record: readEarlier(record, 1, sequence, 'approved record') };
  const stored = expectObject(unavailable, 'unavailable record');
  return {
    kind: 'approve',
    unavailable: {
      sequence: readEarlier(stored.sequence, 1, sequence, 'unavailable record'),
      stored: expectHash(stored.stored, 'hash of the unavailable record'),
    },
  };
}

function expectHoldId(value: unknown): string {
  if (typeof value !== 'string' || !/^[0-9A-Za-z._-]{1,64}$/.test(value)) throw new Malformed('hold id is not 1 to 64 plain characters');
  return value;
}

function readEarlier(value: unknown, min: Sequence, sequence: Sequence, what: string): Sequence {
  return expectInteger(value, min, sequence - 1, what);
}
