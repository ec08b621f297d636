import { parentPort } from 'node:worker_threads';
import { decodeBlob, encodeBlob } from '../model/pack.ts';
import type { Codec } from '../model/record.ts';

/** Contents travel as one buffer that changes hands, with the lengths of its pieces beside it. */
export type Request = { readonly id: number; readonly bytes: ArrayBuffer } & (
  | { readonly ask: 'encode'; readonly lengths: readonly number[] }
  | { readonly ask: 'decode'; readonly blobs: readonly { length: number; codec: Codec; hash: string; size: number }[] }
);

export interface Answer {
  readonly id: number;
  readonly bytes: ArrayBuffer;
  readonly lengths: readonly number[];
  /** Of an encoding: how each piece is stored. */
  readonly codecs: readonly Codec[];
  /** Of a decoding: whether each piece is the content of its hash; a wrong one is empty. */
  readonly right: readonly boolean[];
}

export function joined(buffers: readonly Buffer[]): ArrayBuffer {
  const all = new Uint8Array(buffers.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const buffer of buffers) {
    all.set(buffer, at);
    at += buffer.length;
  }
  return all.buffer;
}

export function pieces(bytes: ArrayBuffer, lengths: readonly number[]): Buffer[] {
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return Buffer.from(bytes, at - length, length);
  });
}

export function answer(request: Request): Answer {
  return request.ask === 'encode' ? encodeAll(request) : decodeAll(request);
}

function encodeAll({ id, bytes, lengths }: Request & { ask: 'encode' }): Answer {
  const encoded = pieces(bytes, lengths).map(encodeBlob);
  const stored = encoded.map((blob) => blob.stored);
  return { id, bytes: joined(stored), lengths: stored.map(({ length }) => length), codecs: encoded.map(({ codec }) => codec), right: [] };
}

function decodeAll({ id, bytes, blobs }: Request & { ask: 'decode' }): Answer {
  const stored = pieces(
    bytes,
    blobs.map(({ length }) => length),
  );
  const decoded = blobs.map(({ codec, hash, size }, at) => decodeBlob(stored[at] as Buffer, codec, hash, size));
  const contents = decoded.map((one) => (one.ok ? one.bytes : Buffer.alloc(0)));
  return { id, bytes: joined(contents), lengths: contents.map(({ length }) => length), codecs: [], right: decoded.map(({ ok }) => ok) };
}

parentPort?.on('message', (request: Request) => {
  const reply = answer(request);
  parentPort?.postMessage(reply, [reply.bytes]);
});
