import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Random } from '../ports/random.ts';
import type { Time } from '../ports/time.ts';

/** A timer counts at most 2^31-1 ms; longer ones would fire at once. */
const timerMsMax = 2_147_483_647;

export const systemTime: Time = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  async sleep(ms, signal) {
    if (ms <= 0) await new Promise((resolve) => setImmediate(resolve));
    for (let leftMs = ms; leftMs > 0 && signal?.aborted !== true; leftMs -= timerMsMax)
      await sleepOnce(Math.min(leftMs, timerMsMax), signal);
  },
};

/** As many may wait for the signal as there are shares: Node would take more than ten for a leak, and say so. */
export function letManyWait(signal: AbortSignal): void {
  setMaxListeners(0, signal);
}

function sleepOnce(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

export const systemRandom: Random = {
  hex: (bytes) => randomBytes(bytes).toString('hex'),
  fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};
