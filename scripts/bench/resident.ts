import { readFileSync } from 'node:fs';

/** Resident memory of this process, MiB. */
export function residentMiB(): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
}
