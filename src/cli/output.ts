import type { EventEmitter } from 'node:events';

/**
 * `flocksync log | head` closes the pipe early; that is no fault of either, and what is left to print is not wanted. Anything else, such
 * as a full disk, is told to `onFault`: what was done stays done, but the reader of the file misses something.
 */
export function surviveWriteFaults(stream: EventEmitter, onFault: (message: string) => void): void {
  stream.on('error', (error: Error & { code?: string }) => {
    if (error.code !== 'EPIPE') onFault(error.message);
  });
}

/** Where a command prints: results on standard output, everything a person must act on on standard error. */
export interface Output {
  /** Standard output is a terminal: a person is looking. */
  readonly terminal: boolean;
  line(text: string): void;
  error(text: string): void;
}

export function createOutput(stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream, quiet: boolean): Output {
  return {
    terminal: stdout.isTTY === true && !quiet,
    line: (text) => void stdout.write(`${text}\n`),
    // Problems are said even with -q: an exit code alone tells nobody what to do.
    error: (text) => void stderr.write(`${text}\n`),
  };
}
