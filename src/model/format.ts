import {
  expectArray,
  expectHex,
  expectInteger,
  expectName,
  expectObject,
  expectOneOf,
  type Json,
  Malformed,
  parseObject,
} from './checks.ts';
import { birthLimits, type Limits } from './limits.ts';
import { type Codec, codecs, formatInForce, type Rejected } from './record.ts';

/** Content of `format.json`: the share's identity and the numbers that all members judge by. Created once, never changed. */
export interface ShareFormat {
  readonly format: 1;
  /** Share id, 32 hex digits, random: a foreign bucket is recognised by it. */
  readonly share: string;
  readonly limits: Limits;
  readonly codecs: readonly Codec[];
  /** How long superseded versions are kept. */
  readonly historyMs: number;
  readonly chunking: { readonly kind: 'fixed'; readonly bytes: number };
  /** For people. */
  readonly created: { readonly atMs: number; readonly by: string };
}

export type DecodedFormat = { readonly ok: true; readonly format: ShareFormat } | Rejected;

/** A reader asks the datastore for no more than this. */
export const formatBytesMax = 64 * 1024;

/** No share may raise a limit further than this over its birth value, so a hostile format.json cannot exhaust a member's memory. */
const limitFactorMax = 16;
const codecsMax = 16;

/** Small enough that a killed upload resumes near where it was and a chunk fits in memory twice; most files are one chunk. */
const birthChunkBytes = 8 * 1024 * 1024;

/** The format of a new share. */
export function birthFormat(share: string, historyMs: number, created: ShareFormat['created']): ShareFormat {
  return {
    format: 1,
    share,
    limits: birthLimits,
    codecs,
    historyMs,
    chunking: { kind: 'fixed', bytes: birthChunkBytes },
    created,
  };
}

export function encodeFormat(format: ShareFormat): Buffer {
  return Buffer.from(`${JSON.stringify(format, null, 2)}\n`, 'utf8');
}

/** Never throws. 'newer-format' asks for an upgrade; 'bad' says what is wrong. */
export function decodeFormat(bytes: Buffer): DecodedFormat {
  if (bytes.length > formatBytesMax) return bad(`format.json is longer than ${formatBytesMax} bytes`);
  try {
    return formatOf(parseObject(bytes.toString('utf8'), 'format.json'));
  } catch (cause) {
    if (cause instanceof Malformed) return bad(cause.message);
    throw cause;
  }
}

/** The same for what a snapshot carries of it. */
export function formatOf(json: Json): DecodedFormat {
  try {
    const format = expectInteger(json.format, 1, 1_000_000, 'format of format.json');
    if (format > formatInForce) {
      return { ok: false, verdict: 'newer-format', reason: `the share has format ${format}, this program reads ${formatInForce}` };
    }
    return { ok: true, format: readFormat(json) };
  } catch (cause) {
    if (cause instanceof Malformed) return bad(cause.message);
    throw cause;
  }
}

function readFormat(json: Json): ShareFormat {
  const created = expectObject(json.created, 'created');
  const limits = readLimits(expectObject(json.limits, 'limits'));
  return {
    format: formatInForce,
    share: expectHex(json.share, 32, 'share id'),
    limits,
    codecs: expectArray(json.codecs, codecsMax, 'codecs').map((codec) => expectOneOf(codec, codecs, 'a codec')),
    historyMs: expectInteger(json.historyMs, 0, Number.MAX_SAFE_INTEGER, 'historyMs'),
    chunking: readChunking(expectObject(json.chunking, 'chunking'), limits),
    created: {
      atMs: expectInteger(created.atMs, 0, Number.MAX_SAFE_INTEGER, 'created.atMs'),
      by: expectName(created.by, 'created.by'),
    },
  };
}

function readChunking(json: Json, limits: Limits): ShareFormat['chunking'] {
  const kind = expectOneOf(json.kind, ['fixed'] as const, 'kind of chunking');
  return { kind, bytes: expectInteger(json.bytes, 1, limits.chunkBytesMax, 'chunking.bytes') };
}

function readLimits(json: Json): Limits {
  const read: Record<string, number> = {};
  for (const [name, birth] of Object.entries(birthLimits)) {
    const max = name === 'logKeyDigits' || name === 'entryBytesMax' ? birth : birth * limitFactorMax;
    read[name] = expectInteger(json[name], name === 'logKeyDigits' ? birth : 1, max, `limit ${name}`);
  }
  return read as unknown as Limits;
}

function bad(reason: string): Rejected {
  return { ok: false, verdict: 'bad', reason };
}
