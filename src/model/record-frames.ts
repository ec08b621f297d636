import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { Malformed } from './checks.ts';
import type { Limits } from './limits.ts';

/**
 * A payload is cut into frames that are compressed one by one, so that a reader inflates at most `frameBytesMax` before it looks at
 * the lines, and stops at the first bad one: a few bytes that inflate to gigabytes cost one frame. A frame ends with a line's end,
 * and is stored uncompressed if compression would shrink it not at all or more than `inflateRatioMax` times.
 *
 *     u8 codec (0 none, 1 brotli) · u32 big-endian stored length · u32 big-endian raw length · stored bytes
 */
export interface Framed {
  readonly stored: Buffer;
  readonly rawBytes: number;
}

export const frameHeaderBytes = 9;
const codecNone = 0;
const codecBrotli = 1;
const brotliFast = { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } };

/** Lines come without their line feed. Throws RangeError for a line that is longer than the format allows. */
export function encodeFrames(lines: readonly string[], limits: Limits): Framed {
  const parts: Buffer[] = [];
  const frames = frameStream(lines, limits);
  for (let next = frames.next(); ; next = frames.next()) {
    if (next.done) return { stored: Buffer.concat(parts), rawBytes: next.value };
    parts.push(next.value);
  }
}

/** The same frames in pieces, for lines that are too many for memory; at the end their length before compression. */
export function* frameStream(lines: Iterable<string>, limits: Limits): Generator<Buffer, number> {
  let waiting: string[] = [];
  let [bytes, rawBytes] = [0, 0];
  for (const line of lines) {
    const lineBytes = Buffer.byteLength(line, 'utf8') + 1;
    if (lineBytes > limits.lineBytesMax) throw new RangeError(`a line is longer than ${limits.lineBytesMax} bytes`);
    if (bytes + lineBytes > limits.frameBytesMax && bytes > 0) {
      yield* encodeFrame(Buffer.from(`${waiting.join('\n')}\n`, 'utf8'), limits);
      [waiting, bytes] = [[], 0];
    }
    waiting.push(line);
    bytes += lineBytes;
    rawBytes += lineBytes;
  }
  if (bytes > 0) yield* encodeFrame(Buffer.from(`${waiting.join('\n')}\n`, 'utf8'), limits);
  return rawBytes;
}

function encodeFrame(raw: Buffer, limits: Limits): Buffer[] {
  const compressed = brotliCompressSync(raw, brotliFast);
  const shrinks = compressed.length < raw.length && raw.length <= compressed.length * limits.inflateRatioMax;
  const stored = shrinks ? compressed : raw;
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt8(shrinks ? codecBrotli : codecNone, 0);
  header.writeUInt32BE(stored.length, 1);
  header.writeUInt32BE(raw.length, 5);
  return [header, stored];
}

/** Yields every line of a payload, at most one frame inflated at a time. Throws Malformed. */
export function* readLines(stored: Buffer, rawBytes: number, limits: Limits): Generator<string> {
  let remaining = rawBytes;
  for (let at = 0; at < stored.length; ) {
    if (stored.length - at < frameHeaderBytes) throw new Malformed('a frame is cut off');
    const frame = readFrameHead(stored.subarray(at), limits);
    at += frameHeaderBytes;
    if (frame.storedBytes > stored.length - at) throw new Malformed('a frame is cut off');
    if (frame.rawBytes > remaining) throw new Malformed('a frame is too long');
    yield* readFrame(stored.subarray(at, at + frame.storedBytes), frame, limits);
    at += frame.storedBytes;
    remaining -= frame.rawBytes;
  }
  if (remaining !== 0) throw new Malformed('the payload is shorter than announced');
}

export interface FrameHead {
  readonly codec: number;
  readonly storedBytes: number;
  readonly rawBytes: number;
}

/** Reads the first `frameHeaderBytes` bytes. Throws Malformed for lengths that no writer announces. */
export function readFrameHead(header: Buffer, limits: Limits): FrameHead {
  const head = { codec: header.readUInt8(0), storedBytes: header.readUInt32BE(1), rawBytes: header.readUInt32BE(5) };
  if (head.rawBytes < 1 || head.rawBytes > limits.frameBytesMax) throw new Malformed('a frame is too long');
  if (head.rawBytes > head.storedBytes * limits.inflateRatioMax)
    throw new Malformed(`a frame inflates more than ${limits.inflateRatioMax} times`);
  return head;
}

/** The lines of one frame. Throws Malformed. */
export function* readFrame(stored: Buffer, { codec, rawBytes }: FrameHead, limits: Limits): Generator<string> {
  yield* linesOf(inflate(stored, codec, rawBytes), limits);
}

function inflate(stored: Buffer, codec: number, rawBytes: number): Buffer {
  const raw = codec === codecNone ? stored : codec === codecBrotli ? unbrotli(stored, rawBytes) : undefined;
  if (raw === undefined) throw new Malformed('codec of a frame is unknown, or its bytes do not fit it');
  if (raw.length !== rawBytes) throw new Malformed('a frame is not as long as announced');
  return raw;
}

function unbrotli(stored: Buffer, rawBytes: number): Buffer | undefined {
  try {
    return brotliDecompressSync(stored, { maxOutputLength: rawBytes });
  } catch {
    return undefined;
  }
}

function* linesOf(raw: Buffer, limits: Limits): Generator<string> {
  if (raw[raw.length - 1] !== 10) throw new Malformed('a frame does not end with a line');
  for (let from = 0; from < raw.length; ) {
    const end = raw.indexOf(10, from);
    if (end - from >= limits.lineBytesMax) throw new Malformed(`a line is longer than ${limits.lineBytesMax} bytes`);
    yield raw.toString('utf8', from, end);
    from = end + 1;
  }
}
