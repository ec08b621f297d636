import type { Time } from '../ports/time.ts';

/** Work that keeps the thread for longer than this lets signals, timers and other shares in between. */
const heldMsMax = 100;

/** To be awaited often in long work; it takes a moment only where the thread was held for long. False when the signal has come. */
export function breathing(time: Time, signal: AbortSignal): () => Promise<boolean> {
  let sinceMs = time.monotonicMs();
  return async () => {
    if (time.monotonicMs() - sinceMs >= heldMsMax) {
      await time.sleep(0);
      sinceMs = time.monotonicMs();
    }
    return !signal.aborted;
  };
}
