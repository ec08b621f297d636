import type { Time } from '../../ports/time.ts';

/** Reading blocks; by then whoever waits for a turn of the event loop, a signal or a request, is due one. */
const breathMs = 50;

/** To be awaited between two pieces of work: every now and then it lets everything else run. */
export function breathing(time: Time): () => Promise<void> | undefined {
  let lastMs = time.monotonicMs();
  return () => {
    const nowMs = time.monotonicMs();
    if (nowMs - lastMs < breathMs) return undefined;
    return time.sleep(0).then(() => {
      lastMs = time.monotonicMs();
    });
  };
}
