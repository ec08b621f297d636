/** How far something that lasts is. Times are of this machine's clock, ms. */
export interface Replay {
  readonly phase: string;
  /** Files, or records of the log. */
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** When this phase was first told, and what was done by then: it must not count as speed. */
  readonly since: { readonly atMs: number; readonly files: number; readonly bytes: number };
  readonly atMs: number;
}

/**
 * Time left at the speed so far, ms; null while nothing can be said, also where all is done and something follows that was not counted.
 * Bytes tell more than files, where there are any.
 */
export function timeLeftMs(replay: Replay): number | null {
  const { since, atMs } = replay;
  const elapsedMs = atMs - since.atMs;
  const [done, total, first] =
    replay.bytesTotal > 0 ? [replay.bytesDone, replay.bytesTotal, since.bytes] : [replay.filesDone, replay.filesTotal, since.files];
  if (elapsedMs <= 0 || done <= first || done >= total) return null;
  return Math.round(((total - done) * elapsedMs) / (done - first));
}

/** Since the phase began; null while nothing can be said. */
export function bytesPerSecond({ since, atMs, bytesDone }: Replay): number | null {
  const elapsedMs = atMs - since.atMs;
  return elapsedMs <= 0 || bytesDone <= since.bytes ? null : Math.round(((bytesDone - since.bytes) * 1000) / elapsedMs);
}
