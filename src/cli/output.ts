import type { EventEmitter } from 'node:events';

/** `flocksync log | head` closes the pipe early; that is no fault of either, and what is left to print is not wanted. */
export function surviveClosedPipe(stream: EventEmitter): void {
  stream.on('error', (error: Error & { code?: string }) => {
    if (error.code !== 'EPIPE') throw error;
  });
}
