import { DatastoreFault } from '../ports/datastore.ts';

/** The caller's own stream failed: the store is not to blame, and `cause` is the caller's error. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure';
}

/** As the port's fault: permanent, because the store would fail in the same way with the same source. */
export function sourceFault(failure: SourceFailure): DatastoreFault {
  const fix = 'See the cause: what was to be stored could not be read here.';
  return new DatastoreFault('permanent', 'source-failed', failure.message, fix, failure.cause);
}

/** The caller's stream, checked to be of exactly `size` bytes; its own errors are told apart from the store's. */
export async function* exactly(size: number, source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let length = 0;
  const chunks = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      const chunk = await next(chunks);
      if (chunk === undefined) break;
      length += chunk.length;
      if (length > size) throw new SourceFailure(`the source gave more than the announced ${size} bytes`);
      yield chunk;
    }
    if (length < size) throw new SourceFailure(`the source ended after ${length} of ${size} bytes`);
  } finally {
    await chunks.return?.();
  }
}

async function next(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
  try {
    const { done, value } = await chunks.next();
    return done ? undefined : value;
  } catch (cause) {
    throw new SourceFailure(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
