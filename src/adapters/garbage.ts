import { setFlag } from './engine.ts';

/** More files than this in one piece of work are worth processor time to save memory. */
const manyFiles = 50_000;

/**
 * Called with how many files a piece of work is about. Unasked, V8 lets garbage grow to several times what is in use; for a large share it
 * is made to collect earlier from then on, which spares about a third of the memory and costs about a fifth of the processor time.
 */
export function collectEarlier(files: number): void {
  if (isAsked || files < manyFiles) return;
  isAsked = true;
  setFlag('--heap-growing-percent=30', 24);
}

let isAsked = false;
