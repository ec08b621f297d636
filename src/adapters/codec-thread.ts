import { parentPort } from 'node:worker_threads';
import { decodeBlob, encodeBlob } from '../model/pack.ts';
import type { Codec } from '../model/record.ts';
import { type FilesOfDirectory, type Read, readFiles } from './disk-read.ts';
import { type ContentFiles, type Written, writeFiles } from './disk-write.ts';

interface Stored {
  readonly codec: Codec;
  readonly hash: string;
  readonly size: number;
}

/** Contents travel as one buffer that changes hands, with the lengths of its pieces beside it. */
interface Pieces {
  readonly bytes: ArrayBuffer;
  readonly lengths: readonly number[];
}

export interface Asks {
  encode: Pieces;
  decode: Pieces & { readonly contents: readonly Stored[] };
  /** The stage's descriptor is the process's own: threads share them. */
  write: Pieces & { readonly directoryFd: number; readonly contents: readonly ContentFiles[] };
  /** Into memory that both threads see. */
  read: { readonly room: SharedArrayBuffer; readonly directories: readonly FilesOfDirectory[] };
}

export interface Answers {
  encode: Pieces & { readonly codecs: readonly Codec[] };
  /** `right`: whether each piece is the content of its hash; a wrong one is empty. */
  decode: Pieces & { readonly right: readonly boolean[] };
  write: Written;
  read: Read;
}

export type Question = keyof Asks;
export type Request = { readonly [Q in Question]: { readonly id: number; readonly question: Q; readonly ask: Asks[Q] } }[Question];

export interface Reply {
  readonly id: number;
  readonly answer: Answers[Question];
}

export function joined(buffers: readonly Buffer[]): Pieces {
  const lengths = buffers.map(({ length }) => length);
  const all = new Uint8Array(lengths.reduce((sum, length) => sum + length, 0));
  let at = 0;
  for (const buffer of buffers) {
    all.set(buffer, at);
    at += buffer.length;
  }
  return { bytes: all.buffer, lengths };
}

export function pieces({ bytes, lengths }: Pieces): Buffer[] {
  let at = 0;
  return lengths.map((length) => {
    at += length;
    return Buffer.from(bytes, at - length, length);
  });
}

function encodeAll(ask: Asks['encode']): Answers['encode'] {
  const encoded = pieces(ask).map(encodeBlob);
  return { ...joined(encoded.map((blob) => blob.stored)), codecs: encoded.map(({ codec }) => codec) };
}

function decodeAll(ask: Asks['decode']): Answers['decode'] {
  const stored = pieces(ask);
  const decoded = ask.contents.map(({ codec, hash, size }, at) => decodeBlob(stored[at] as Buffer, codec, hash, size));
  const contents = decoded.map((one) => (one.ok ? one.bytes : Buffer.alloc(0)));
  return { ...joined(contents), right: decoded.map(({ ok }) => ok) };
}

parentPort?.on('message', ({ id, question, ask }: Request) => {
  if (question === 'write') {
    const answer = writeFiles(ask.directoryFd, pieces(ask), ask.contents);
    parentPort?.postMessage({ id, answer }, [answer.stats.buffer]);
  } else if (question === 'read') {
    const answer = readFiles(new Uint8Array(ask.room), ask.directories);
    parentPort?.postMessage({ id, answer }, [answer.before.buffer, answer.after.buffer]);
  } else {
    const answer = question === 'encode' ? encodeAll(ask) : decodeAll(ask);
    parentPort?.postMessage({ id, answer }, [answer.bytes]);
  }
});
