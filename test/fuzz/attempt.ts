import { dice } from '../e2e/support/random.ts';
import type { Target } from './target.ts';
import { Violation } from './target.ts';

/** Of a processor's time: how busy the machine is must not matter. */
export const inputMsMax = 5000;
const inputBytesMax = 512 * 2 ** 20;

/** Tries one input; a sentence about what was wrong, with what repeats it, or null. */
export async function attempt(target: Target, seed: number): Promise<{ readonly fault: string | null; readonly ms: number }> {
  const before = memory();
  const started = process.cpuUsage();
  const fault = await faultOf(target, seed);
  const { user, system } = process.cpuUsage(started);
  const ms = (user + system) / 1000;
  const bytes = memory() - before;
  const wrong =
    fault ??
    (ms > inputMsMax ? `it took ${Math.round(ms)} ms` : null) ??
    (bytes > inputBytesMax ? `it took ${Math.round(bytes / 2 ** 20)} MiB` : null);
  return { fault: wrong === null ? null : `${target.name}, seed ${seed}: ${wrong}`, ms };
}

async function faultOf(target: Target, seed: number): Promise<string | null> {
  try {
    await target.attempt(dice(seed));
    return null;
  } catch (error) {
    if (error instanceof Violation) return error.message;
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
