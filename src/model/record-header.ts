import { expectHash, expectHex, expectInteger, expectName, expectObject, expectOneOf, type Json, Malformed } from './checks.ts';
import type { Limits } from './limits.ts';
import { type BodyReference, noPrevious, type Payload, payloadKinds, type RecordHeader } from './record.ts';

/** The header line with everything that must be known before the payload is touched. */
export interface HeaderLine {
  readonly header: RecordHeader;
  readonly kind: Payload['kind'];
  /** Where the payload is, when it is not in the record. */
  readonly body: BodyReference | null;
  readonly payload: { readonly storedBytes: number; readonly rawBytes: number };
  /** Stored bytes of all inline contents. */
  readonly inlineBytes: number;
}

/** A header line is never longer; whether a payload needs a body is decided with this length, so that a rebase changes nothing. */
export const headerLineBytesMax = 4096;

/** Named field by field, so that no stray property of the caller's object gets into the log. */
export function headerText({ header, kind, body, payload, inlineBytes }: HeaderLine): string {
  const { format, id, share, author, sequence, previous, writtenMs } = header;
  return JSON.stringify({
    ...{ format, id, share, author: { id: author.id, name: author.name }, sequence, previous, writtenMs, kind },
    body: body === null ? null : { id: body.id, size: body.size, hash: body.hash },
    payload: { stored: payload.storedBytes, raw: payload.rawBytes },
    inline: inlineBytes,
  });
}

/** Throws Malformed. The format number was looked at before. */
export function readHeader(line: Json, limits: Limits): HeaderLine {
  const payload = expectObject(line.payload, 'payload');
  const read: HeaderLine = {
    header: readRecordHeader(line),
    kind: expectOneOf(line.kind, payloadKinds, 'kind of the payload'),
    body: line.body === null ? null : readBody(expectObject(line.body, 'body'), limits),
    payload: {
      storedBytes: expectInteger(payload.stored, 1, limits.bodyBytesMax, 'stored length of the payload'),
      rawBytes: expectInteger(payload.raw, 1, limits.payloadRawBytesMax, 'length of the payload'),
    },
    inlineBytes: expectInteger(line.inline, 0, limits.inlineBytesMax, 'length of the inline contents'),
  };
  if (read.body !== null && read.body.size !== read.payload.storedBytes) throw new Malformed('size of the body is not that of the payload');
  return read;
}

function readRecordHeader(line: Json): RecordHeader {
  const author = expectObject(line.author, 'author');
  const sequence = expectInteger(line.sequence, 1, Number.MAX_SAFE_INTEGER, 'sequence');
  const previous = expectHash(line.previous, 'previous');
  if (sequence === 1 && previous !== noPrevious) throw new Malformed('the first record names a predecessor');
  return {
    format: 1,
    id: expectHex(line.id, 32, 'record id'),
    share: expectHex(line.share, 32, 'share id'),
    author: { id: expectHex(author.id, 32, 'member id'), name: expectName(author.name, 'member name') },
    sequence,
    previous,
    writtenMs: expectInteger(line.writtenMs, 0, Number.MAX_SAFE_INTEGER, 'writtenMs'),
  };
}

function readBody(body: Json, limits: Limits): BodyReference {
  return {
    id: expectHex(body.id, 32, 'body id'),
    size: expectInteger(body.size, 1, limits.bodyBytesMax, 'size of the body'),
    hash: expectHash(body.hash, 'hash of the body'),
  };
}
