import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { decodeBlob, encodeBlob } from '../model/pack.ts';
import type { ContentCodec } from '../ports/codec.ts';
import type { Answers, Asks, Question, Reply } from './codec-thread.ts';
import { joined, pieces } from './codec-thread.ts';
import { type FileReader, type FilesOfDirectory, type ReadIntoRoom, readFilesHere, roomForAll } from './disk-read.ts';
import { type ContentFiles, type FileWriter, writeFiles } from './disk-write.ts';
import { collectNow } from './engine.ts';

/** Below this a thread costs more than it spares. */
const threadBytesMin = 1024 * 1024;
const threadFilesMin = 200;
/** A thread that was asked nothing for so long ends, and gives back its memory: after a burst more than the rest of an idle agent takes. */
const threadIdleMs = 30_000;
/** The thread's objects live as long as one question; without a bound its heap grows to what the machine allows. */
const threadYoungMiB = 4;
const threadFile = fileURLToPath(new URL('./codec-thread.js', import.meta.url));

/** A codec that also decodes straight into files, and reads files in the same place. */
export interface FilingCodec extends ContentCodec {
  readonly write: FileWriter;
  readonly read: FileReader;
}

/**
 * On a second core where the program was built with the thread's own file and there is enough to do, else in this thread. After `idleMs`
 * without anything to do the thread and its memory go, until there is.
 */
export function openCodec(file = threadFile, idleMs = threadIdleMs): FilingCodec {
  const free: SharedArrayBuffer[] = [];
  const giveBack = () => {
    free.length = 0;
    collectNow();
  };
  const thread = existsSync(file) ? new Thread(file, idleMs, giveBack) : null;
  const beside = (bytes: number, files = 0) => (bytes < threadBytesMin && files < threadFilesMin && !thread?.runs ? null : thread);
  return {
    encode: async (contents) => {
      const other = beside(contents.reduce((sum, { length }) => sum + length, 0));
      return other === null ? contents.map(encodeBlob) : await encodeBeside(other, contents);
    },
    decode: async (contents) => {
      const other = beside(contents.reduce((sum, { size }) => sum + size, 0));
      return other === null ? contents.map(decodeHere) : await decodeBeside(other, contents);
    },
    write: async (directoryFd, stored, contents) => {
      const other = beside(
        contents.reduce((sum, { size }) => sum + size, 0),
        contents.reduce((sum, { files }) => sum + files.length, 0),
      );
      return other === null ? writeFiles(directoryFd, stored, contents) : await writeBeside(other, directoryFd, stored, contents);
    },
    read: async (directories) => {
      const other = beside(
        roomForAll(directories),
        directories.reduce((sum, { files }) => sum + files.length, 0),
      );
      return other === null ? await readFilesHere(directories) : await readBeside(other, free, directories);
    },
    close: async () => thread?.close(),
  };
}

type Stored = Parameters<ContentCodec['decode']>[0][number];

function decodeHere({ stored, codec, hash, size }: Stored): Buffer | null {
  const decoded = decodeBlob(stored, codec, hash, size);
  return decoded.ok ? decoded.bytes : null;
}

async function encodeBeside(thread: Thread, contents: readonly Buffer[]) {
  const answer = await thread.ask('encode', joined(contents));
  return pieces(answer).map((bytes, at) => ({ codec: answer.codecs[at] ?? 'none', stored: bytes }));
}

async function decodeBeside(thread: Thread, contents: readonly Stored[]) {
  const asked = contents.map(({ codec, hash, size }) => ({ codec, hash, size }));
  const answer = await thread.ask('decode', { ...joined(contents.map(({ stored }) => stored)), contents: asked });
  return pieces(answer).map((piece, at) => (answer.right[at] ? piece : null));
}

async function writeBeside(thread: Thread, directoryFd: number, stored: readonly Buffer[], contents: readonly ContentFiles[]) {
  return await thread.ask('write', { ...joined(stored), directoryFd, contents });
}

const roomBytes = 2 * 1024 * 1024;
const roomsKept = 12;

/** Rooms come back to `free` for the next files: memory outside the heap is noticed late by those who collect garbage. */
async function readBeside(thread: Thread, free: SharedArrayBuffer[], directories: readonly FilesOfDirectory[]): Promise<ReadIntoRoom> {
  const bytes = roomForAll(directories);
  const room = (bytes <= roomBytes ? free.pop() : undefined) ?? new SharedArrayBuffer(Math.max(bytes, roomBytes));
  const read = await thread.ask('read', { room, directories });
  const release = () => {
    if (room.byteLength === roomBytes && free.length < roomsKept) free.push(room);
  };
  return { ...read, room: new Uint8Array(room), release };
}

interface Waiting {
  readonly resolve: (answer: Answers[Question]) => void;
  readonly reject: (cause: unknown) => void;
}

const ended = () => new Error('the thread that compresses contents has ended');

/** Started at the first need, ended when it was idle for long; holds the process only while it is asked something. */
class Thread {
  readonly #file: string;
  readonly #idleMs: number;
  readonly #onEnd: () => void;
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | null = null;
  #asked = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(file: string, idleMs: number, onEnd: () => void) {
    this.#file = file;
    this.#idleMs = idleMs;
    this.#onEnd = onEnd;
  }

  get runs(): boolean {
    return this.#worker !== null;
  }

  ask<Q extends Question>(question: Q, ask: Asks[Q]): Promise<Answers[Q]> {
    const worker = this.#worker ?? this.#start();
    const id = ++this.#asked;
    clearTimeout(this.#idle);
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (answer) => resolve(answer as Answers[Q]), reject });
      worker.postMessage({ id, question, ask }, 'bytes' in ask ? [ask.bytes] : []);
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    const unanswered = this.#taken();
    await worker?.terminate();
    for (const { reject } of unanswered) reject(ended());
  }

  #start(): Worker {
    const worker = new Worker(this.#file, { resourceLimits: { maxYoungGenerationSizeMb: threadYoungMiB } });
    worker.on('message', ({ id, answer }: Reply) => {
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#rest(worker);
    });
    const fail = (cause: unknown) => {
      if (this.#worker === worker) for (const { reject } of this.#taken()) reject(cause);
    };
    worker.on('error', fail);
    worker.on('exit', () => fail(ended()));
    this.#worker = worker;
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.close().then(this.#onEnd), this.#idleMs).unref();
  }

  /** The questions of a thread that is no more. */
  #taken(): readonly Waiting[] {
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    this.#worker = null;
    return waiting;
  }
}
