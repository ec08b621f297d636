import type { Journal, WantReason } from '../ports/journal.ts';
import type { Cycle } from './context.ts';
import { readLastCycle } from './last-cycle.ts';

/**
 * What this disk still has to get. What a guard holds, and single paths that this disk cannot show, keep nobody from being ready: they
 * stand as they did, they are listed, and often every member has them at once.
 */
const missing: readonly WantReason[] = ['pending', 'unfetchable', 'full'];
/** Who heard nothing for so long and finds news was switched off, and shows an old state until it has caught up. */
const awayMs = 2 * 3600 * 1000;
const repeatMs = 60_000;

/** Changes of the log that keep a share from being ready here. */
export function missingChanges(journal: Journal): number {
  const { puts, deletes } = journal.wantTally(missing);
  return puts + deletes;
}

/** Who has not joined shows something else than the federation, whatever an earlier journal had reached. */
export function beginUnready(cycle: Cycle): void {
  if (cycle.ports.journal.meta('joined') !== '1') clearReadiness(cycle);
}

/** Called with the head that a listing shows, before anything is taken in. */
export function noteAbsence(cycle: Cycle, head: number): void {
  const last = readLastCycle(cycle.ports.journal)?.atMs ?? 0;
  if (head > cycle.cursor && cycle.bucketNowMs() - last > awayMs) clearReadiness(cycle);
}

export function clearReadiness({ ports, options, memory }: Cycle): void {
  if (options.dryRun) return;
  ports.readiness.clear();
  memory.ready = null;
}

/** At the end of a cycle that brings home: ready is who has joined, has read the log to its head and has everything of it on the disk. */
export function settleReadiness(cycle: Cycle): void {
  const { options, memory, ports } = cycle;
  if (options.dryRun) return;
  if (cycle.halt !== null) return clearReadiness(cycle);
  if (options.only === 'publish' || options.signal.aborted) return;
  if (!cycle.caughtUp || ports.journal.meta('joined') !== '1' || missingChanges(ports.journal) > 0) return clearReadiness(cycle);
  const atMs = cycle.bucketNowMs();
  if (memory.ready?.cursor === cycle.cursor && atMs - memory.ready.atMs < repeatMs) return;
  ports.readiness.set(cycle.cursor, atMs);
  memory.ready = { cursor: cycle.cursor, atMs };
}
