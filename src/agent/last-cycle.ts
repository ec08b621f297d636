import type { Deviation } from '../model/deviation.ts';
import type { Journal } from '../ports/journal.ts';
import type { Cycle, Halt } from './context.ts';

/** What `status` says of the last cycle that came to its end, with or without success. */
export interface LastCycle {
  /** Bucket time, ms. */
  readonly atMs: number;
  readonly halt: Halt | null;
  readonly deviations: { readonly count: number; readonly first: readonly Deviation[] };
}

/** An idle cycle leaves the journal alone for this long. */
const repeatMs = 10_000;
const deviationsKept = 1000;

/** Written when anything but the time has changed, else every ten seconds, so that an idle daemon does not write at every poll. */
export function rememberCycle(cycle: Cycle): void {
  const { journal } = cycle.ports;
  const { halt, deviations } = cycle;
  const facts = { halt, deviations: { count: deviations.length, first: deviations.slice(0, deviationsKept) } };
  const atMs = cycle.bucketNowMs();
  const before = readLastCycle(journal);
  const idle = Object.values(cycle.counts).every((count) => count === 0);
  const same = before !== null && JSON.stringify({ ...before, atMs: 0 }) === JSON.stringify({ atMs: 0, ...facts });
  if (idle && same && atMs >= before.atMs && atMs - before.atMs < repeatMs) return;
  journal.setMeta('lastCycle', JSON.stringify({ atMs, ...facts }));
}

/** Null before the first cycle. */
export function readLastCycle(journal: Journal): LastCycle | null {
  const text = journal.meta('lastCycle');
  if (text === undefined) return null;
  try {
    const json = JSON.parse(text) as Partial<LastCycle> | number;
    if (typeof json !== 'object' || json.atMs === undefined || json.deviations === undefined) return null;
    return { atMs: json.atMs, halt: json.halt ?? null, deviations: json.deviations };
  } catch {
    return null;
  }
}
