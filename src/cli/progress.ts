import type { Time } from '../ports/time.ts';
import { formatBytes, formatCount, formatElapsed, formatRate } from './format.ts';

/** How far a phase is. Totals are null while they are not known. */
export interface ProgressEvent {
  /** A verb for people: `scanning`, `publishing`, `fetching`, `applying`. */
  readonly phase: string;
  readonly filesDone: number;
  readonly filesTotal: number | null;
  readonly bytesDone: number;
  readonly bytesTotal: number | null;
}

export interface Progress {
  update(event: ProgressEvent): void;
  /** Takes the line away, so that something else can be printed; the next update draws it again. */
  clear(): void;
}

/** The part of a terminal stream that is used; process.stderr is one. */
export interface Terminal {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export const redrawMs = 100;
/** Before this much time has passed in a phase, a rate says nothing. */
const rateAfterMs = 1000;

/** One line on a terminal, redrawn at most ten times a second; silent where there is no terminal, or when asked to be. */
export function createProgress(terminal: Terminal, time: Pick<Time, 'monotonicMs'>, options: { readonly quiet: boolean }): Progress {
  if (options.quiet || terminal.isTTY !== true) return { update: () => {}, clear: () => {} };
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawn = false;
  let start: PhaseStart | undefined;
  return {
    update(event) {
      const now = time.monotonicMs();
      if (start === undefined || start.phase !== event.phase) start = { phase: event.phase, atMs: now, event };
      if (now - drawnAt < redrawMs) return;
      drawnAt = now;
      drawn = true;
      terminal.write(`\r\x1b[K${fitted(progressLine(event, start, now), terminal.columns ?? 80)}`);
    },
    clear() {
      if (drawn) terminal.write('\r\x1b[K');
      drawn = false;
      drawnAt = Number.NEGATIVE_INFINITY;
    },
  };
}

interface PhaseStart {
  readonly phase: string;
  readonly atMs: number;
  /** What was done before the phase was first seen: a resumed upload must not count as speed. */
  readonly event: ProgressEvent;
}

export function progressLine(event: ProgressEvent, start: PhaseStart, nowMs: number): string {
  const parts = [`${event.phase} ${share(event.filesDone, event.filesTotal, formatCount)} files`];
  if (event.bytesDone > 0 || (event.bytesTotal ?? 0) > 0) parts.push(share(event.bytesDone, event.bytesTotal, formatBytes));
  const elapsedMs = nowMs - start.atMs;
  if (elapsedMs >= rateAfterMs) parts.push(...speed(event, start.event, elapsedMs));
  return parts.join(', ');
}

function speed(event: ProgressEvent, first: ProgressEvent, elapsedMs: number): string[] {
  const bytes = event.bytesDone - first.bytesDone;
  const parts = bytes > 0 ? [formatRate((bytes * 1000) / elapsedMs)] : [];
  const leftMs =
    bytes > 0
      ? left(event.bytesDone, event.bytesTotal, bytes / elapsedMs)
      : left(event.filesDone, event.filesTotal, (event.filesDone - first.filesDone) / elapsedMs);
  return leftMs === undefined ? parts : [...parts, `${formatElapsed(Math.round(leftMs / 1000) * 1000)} left`];
}

function left(done: number, total: number | null, perMs: number): number | undefined {
  return total === null || perMs <= 0 || done >= total ? undefined : (total - done) / perMs;
}

function share(done: number, total: number | null, format: (value: number) => string): string {
  return total === null ? format(done) : `${format(done)} of ${format(total)}`;
}

/** A line that wraps could not be cleared. */
function fitted(line: string, columns: number): string {
  return line.length < columns ? line : line.slice(0, Math.max(0, columns - 1));
}
