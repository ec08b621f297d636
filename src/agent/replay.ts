import type { Replay } from '../model/replay.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Journal } from '../ports/journal.ts';
import type { Cycle, Memory, Ports, ProgressEvent } from './context.ts';
import { beat } from './heartbeat.ts';
import { rememberPosition } from './position.ts';

export const readingTheLog = 'reading the log';
export const loadingTheSnapshot = 'loading the snapshot';
const replayPhases: ReadonlySet<string> = new Set([readingTheLog, loadingTheSnapshot, 'fetching']);
/** Nobody asks after a cycle that is over so soon. */
const quietMs = 2000;
const repeatMs = 1000;

/** Hands progress on, and once a cycle lasts leaves it in the journal as well, once a second. */
export function rememberingProgress({ onProgress, journal, time }: Ports, memory: Memory): Ports['onProgress'] {
  const begunMs = time.monotonicMs();
  const begun = new Map<string, Replay['since']>();
  let writtenMs = Number.NEGATIVE_INFINITY;
  return (event) => {
    onProgress(event);
    const { phase, filesDone = 0, filesTotal = 0, bytesDone = 0, bytesTotal = 0 } = event;
    const since = event.since ?? begun.get(phase) ?? { atMs: time.wallMs(), files: filesDone, bytes: bytesDone };
    begun.set(phase, since);
    const replay: Replay = { phase, filesDone, filesTotal, bytesDone, bytesTotal, since, atMs: time.wallMs() };
    memory.doing = replay;
    const nowMs = time.monotonicMs();
    if (!replayPhases.has(phase) || nowMs - begunMs < quietMs || nowMs - writtenMs < repeatMs) return;
    writtenMs = nowMs;
    journal.setMeta('progress', JSON.stringify(replay));
  };
}

export function forgetProgress(journal: Journal): void {
  if (journal.meta('progress') !== undefined) journal.setMeta('progress', null);
}

/** A killed cycle leaves its last word behind; the running one repeats it all the time. */
const staleMs = 30_000;

/** Null where no cycle tells anything now. `nowMs` is this machine's clock. */
export function readReplay(journal: Journal, nowMs: number): Replay | null {
  const text = journal.meta('progress');
  const replay = text === undefined ? null : (JSON.parse(text) as Replay);
  return replay === null || Math.abs(nowMs - replay.atMs) > staleMs ? null : replay;
}

/** A cycle that takes longer than this tells the others that it replays, and then once a minute. */
const firstBeatMs = 10_000;
const beatMs = 60_000;

/** Called again and again while a cycle takes in. The journal is flushed first (rule J4). */
export async function tellOthers(cycle: Cycle): Promise<void> {
  const { time, journal, log } = cycle.ports;
  const nowMs = time.monotonicMs();
  cycle.replayBeatMs ??= nowMs + firstBeatMs;
  if (nowMs < cycle.replayBeatMs || cycle.options.dryRun) return;
  cycle.replayBeatMs = nowMs + beatMs;
  journal.flush();
  rememberPosition(cycle);
  try {
    await beat(cycle, 'replaying');
  } catch (error) {
    // What is being taken in matters more; the end of the cycle says whether the store takes anything.
    if (!(error instanceof DatastoreFault)) throw error;
    log.warn({ share: cycle.share, code: error.code }, 'the heartbeat of a replay could not be written');
  }
}

/** Between two looks at log and disk a long apply lasts about this long, and ten times what the look costs. */
const sliceMs = 60_000;
const looksWorth = 10;

/** A part of a long apply, so that the log is followed and local changes are published while content comes in (rule H3). */
export interface Slice {
  readonly signal: AbortSignal;
  /** Told after each batch; ends the slice once its time is over. Without a file placed it goes on, so that the next one gets further. */
  placed(files: number): void;
  /** Something small is to come first. Ends the slice, unless that was dear not long ago. */
  cut(): void;
  /** What the cut has cost: bytes that are in their place, and those that have to be staged again. */
  paid(cost: { readonly bytes: number; readonly discarded: number }): void;
  isCut(): boolean;
  /** The slice was ended before everything was tried. */
  over(): boolean;
}

/** Of the time, so much more goes into what comes in than into staging it again. */
const cutsWorth = 10;
const cutMsMin = 5000;

/** True once a look that ended at `seenMs` of the monotonic clock is as old as one may be while content comes in. */
export function isLookOld({ ports, lookMs }: Cycle, seenMs: number): boolean {
  return ports.time.monotonicMs() - seenMs >= Math.max(sliceMs, looksWorth * lookMs);
}

export function beginSlice({ ports, options, lookMs, memory }: Cycle): Slice {
  const end = new AbortController();
  let isCut = false;
  let cutMs = 0;
  let placedMs = ports.time.monotonicMs();
  const endMs = placedMs + Math.max(sliceMs, looksWorth * lookMs);
  return {
    signal: AbortSignal.any([options.signal, end.signal]),
    placed: (files) => {
      if (!isCut) placedMs = ports.time.monotonicMs();
      if (files > 0 && ports.time.monotonicMs() >= endMs) end.abort();
    },
    cut: () => {
      if (isCut || ports.time.monotonicMs() < memory.cutFromMs) return;
      cutMs = ports.time.monotonicMs();
      isCut = true;
      end.abort();
    },
    paid: ({ bytes, discarded }) => {
      const lostMs = discarded === 0 ? 0 : ((cutMs - placedMs) * discarded) / (bytes + discarded);
      memory.cutFromMs = ports.time.monotonicMs() + Math.max(cutMsMin, cutsWorth * lostMs);
    },
    isCut: () => isCut,
    over: () => end.signal.aborted,
  };
}

/** Adds what earlier slices of this cycle brought, so that progress speaks of all there is to bring. */
export function ofWholeCycle(cycle: Cycle, tell: (event: ProgressEvent) => void): (event: ProgressEvent) => void {
  const { files, bytes } = cycle.broughtHome;
  return (event) => {
    const { filesDone = 0, filesTotal = 0, bytesDone = 0, bytesTotal = 0 } = event;
    cycle.broughtHome = { files: files + filesDone, bytes: bytes + bytesDone };
    tell({
      ...{ phase: event.phase, filesDone: files + filesDone, filesTotal: files + filesTotal },
      ...{ bytesDone: bytes + bytesDone, bytesTotal: bytes + bytesTotal },
    });
  };
}
