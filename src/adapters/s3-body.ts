import type { Readable } from 'node:stream';
import { DatastoreFault } from '../ports/datastore.ts';

export interface BodyLimits {
  /** The Content-Length, where the answer has one. */
  readonly announced: number | undefined;
  readonly bytesMax: number;
  readonly idleMs: number;
}

/**
 * The whole body. Throws permanent 'too-large' before buffering more than `bytesMax`, transient 'truncated' for a body shorter
 * than announced, transient 'timeout' when nothing arrives for `idleMs`; a socket's error passes through.
 */
export async function readBody(body: Readable, { announced, bytesMax, idleMs }: BodyLimits): Promise<Buffer> {
  if (announced !== undefined && announced > bytesMax) {
    body.destroy();
    throw tooLarge(announced, bytesMax);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of whileActive(body, idleMs)) {
    length += chunk.length;
    if (length > bytesMax) throw tooLarge(length, bytesMax);
    chunks.push(chunk);
  }
  if (announced !== undefined && length !== announced) {
    const message = `the body ended after ${length} of ${announced} bytes`;
    throw new DatastoreFault('transient', 'truncated', message, 'The connection broke off; flocksync tries again by itself.');
  }
  return chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks);
}

/** The object does not fit the caller's bound. */
function tooLarge(bytes: number, bytesMax: number): DatastoreFault {
  const message = `the object has ${bytes} bytes or more, the limit here is ${bytesMax}`;
  return new DatastoreFault('permanent', 'too-large', message, 'Nothing in this bucket should be that large; see what wrote it.');
}

async function* whileActive(body: Readable, idleMs: number): AsyncGenerator<Buffer> {
  const expire = () => {
    const message = `no byte of the body arrived for ${idleMs} ms`;
    body.destroy(new DatastoreFault('transient', 'timeout', message, 'Check the network to the store; flocksync tries again by itself.'));
  };
  let timer = setTimeout(expire, idleMs);
  try {
    for await (const chunk of body) {
      clearTimeout(timer);
      yield chunk as Buffer;
      timer = setTimeout(expire, idleMs);
    }
  } finally {
    clearTimeout(timer);
  }
}
