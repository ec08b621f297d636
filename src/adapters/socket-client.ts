import { connect } from 'node:net';
import { lineReader } from './socket-lines.ts';
import { openPlace } from './socket-place.ts';

/**
 * What came of a question. - answered: the last line of the other side. - nobody: nobody listens there, or not to us.
 * - lost: whoever listened took the question and has ended, or was silent for too long.
 */
export type Asked = { readonly outcome: 'answered'; readonly answer: unknown } | { readonly outcome: 'nobody' | 'lost' };

export interface AskOptions {
  /** False where the greeting is of somebody that is not to be asked. */
  readonly accept: (greeting: unknown) => boolean;
  /** Lines before the last one. */
  readonly onLine: (line: Readonly<Record<string, unknown>>) => void;
  readonly signal: AbortSignal;
  /** A process that is alive may be busy for a while before it greets, ms. */
  readonly greetingMs: number;
  /** A process that has greeted says something more often than this, ms. */
  readonly silenceMs: number;
}

const answerBytesMax = 8 * 1024 * 1024;

/** Asks whoever listens at `file`; the last line is the one with `answer` or `error`. Never throws. */
export async function askAt(file: string, request: object, options: AskOptions): Promise<Asked> {
  let place: ReturnType<typeof openPlace>;
  try {
    place = openPlace(file);
  } catch {
    return { outcome: 'nobody' };
  }
  try {
    return await converse(place.address(place.name), request, options);
  } finally {
    place.close();
  }
}

function converse(address: string, request: object, options: AskOptions): Promise<Asked> {
  return new Promise((resolve) => {
    const socket = connect(address);
    let [greeted, ended] = [false, false];
    const end = (asked: Asked) => {
      ended = true;
      options.signal.removeEventListener('abort', lost);
      socket.destroy();
      resolve(asked);
    };
    const lost = () => end({ outcome: greeted ? 'lost' : 'nobody' });
    const hear = (line: Readonly<Record<string, unknown>>) => {
      if ('answer' in line) end({ outcome: 'answered', answer: line.answer });
      else if ('error' in line) lost();
      else options.onLine(line);
    };
    const greet = (greeting: unknown) => {
      if (!options.accept(greeting)) return lost();
      greeted = true;
      socket.setTimeout(options.silenceMs);
      socket.write(`${JSON.stringify(request)}\n`);
    };
    const lines = lineReader(answerBytesMax, (json) => {
      if (ended) return;
      if (typeof json !== 'object' || json === null) lost();
      else if (greeted) hear(json as Readonly<Record<string, unknown>>);
      else greet(json);
    });
    socket.setTimeout(options.greetingMs, lost);
    socket.on('data', (bytes: Buffer) => void (lines.push(bytes) || lost()));
    socket.on('error', lost);
    socket.on('close', lost);
    options.signal.addEventListener('abort', lost, { once: true });
    if (options.signal.aborted) lost();
  });
}
