import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { decodeBlob, encodeBlob } from '../model/pack.ts';
import type { ContentCodec } from '../ports/codec.ts';
import type { Answer, Request } from './codec-thread.ts';
import { joined, pieces } from './codec-thread.ts';

/** Below this a thread costs more than it spares. */
const threadBytesMin = 1024 * 1024;
/** The thread's objects live as long as one question; without a bound its heap grows to what the machine allows. */
const threadYoungMiB = 4;
const threadFile = fileURLToPath(new URL('./codec-thread.js', import.meta.url));

/** On a second core where the program was built with the thread's own file and there is enough to do, else in this thread. */
export function openCodec(file = threadFile): ContentCodec {
  const thread = existsSync(file) ? new Thread(file) : null;
  const beside = (bytes: number) => (bytes < threadBytesMin && !thread?.runs ? null : thread);
  return {
    encode: async (contents) => {
      const other = beside(contents.reduce((sum, { length }) => sum + length, 0));
      return other === null ? contents.map(encodeBlob) : await encodeBeside(other, contents);
    },
    decode: async (contents) => {
      const other = beside(contents.reduce((sum, { size }) => sum + size, 0));
      return other === null ? contents.map(decodeHere) : await decodeBeside(other, contents);
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
  const lengths = contents.map(({ length }) => length);
  const answer = await thread.ask({ ask: 'encode', bytes: joined(contents), lengths });
  const stored = pieces(answer.bytes, answer.lengths);
  return stored.map((bytes, at) => ({ codec: answer.codecs[at] ?? 'none', stored: bytes }));
}

async function decodeBeside(thread: Thread, contents: readonly Stored[]) {
  const bytes = joined(contents.map(({ stored }) => stored));
  const blobs = contents.map(({ stored, codec, hash, size }) => ({ length: stored.length, codec, hash, size }));
  const answer = await thread.ask({ ask: 'decode', bytes, blobs });
  return pieces(answer.bytes, answer.lengths).map((piece, at) => (answer.right[at] ? piece : null));
}

type Ask = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

/** Started at the first need; holds the process only while it is asked something. */
class Thread {
  readonly #file: string;
  readonly #waiting = new Map<number, { resolve: (answer: Answer) => void; reject: (cause: unknown) => void }>();
  #worker: Worker | null = null;
  #asked = 0;

  constructor(file: string) {
    this.#file = file;
  }

  get runs(): boolean {
    return this.#worker !== null;
  }

  ask(request: Ask): Promise<Answer> {
    const worker = this.#worker ?? this.#start();
    const id = ++this.#asked;
    worker.ref();
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id }, [request.bytes]);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = null;
  }

  #start(): Worker {
    const worker = new Worker(this.#file, { resourceLimits: { maxYoungGenerationSizeMb: threadYoungMiB } });
    worker.on('message', (answer: Answer) => {
      this.#waiting.get(answer.id)?.resolve(answer);
      this.#waiting.delete(answer.id);
      if (this.#waiting.size === 0) worker.unref();
    });
    worker.on('error', (cause) => this.#fail(cause));
    worker.on('exit', () => this.#fail(new Error('the thread that compresses contents has ended')));
    this.#worker = worker;
    return worker;
  }

  #fail(cause: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(cause);
    this.#waiting.clear();
    this.#worker = null;
  }
}
