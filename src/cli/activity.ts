import type { ProgressEvent } from '../agent/context.ts';
import type { Replay } from '../model/replay.ts';
import type { Time } from '../ports/time.ts';

/** What the process that looks after a share is doing at this moment, told to whoever asks. */
export class Activity {
  readonly #time: Time;
  readonly #listeners = new Set<(doing: Replay) => void>();
  #doing: Replay | null = null;

  constructor(time: Time) {
    this.#time = time;
  }

  /** Null between two cycles, and before a cycle has anything to tell. */
  get doing(): Replay | null {
    return this.#doing;
  }

  note(event: ProgressEvent): void {
    const { phase, filesDone = 0, filesTotal = 0, bytesDone = 0, bytesTotal = 0 } = event;
    const atMs = this.#time.wallMs();
    const before = this.#doing;
    // The speed counts from when the phase was first told, and anew where it begins again.
    const goesOn = before !== null && before.phase === phase && filesDone >= before.filesDone && bytesDone >= before.bytesDone;
    const since = event.since ?? (goesOn ? before.since : { atMs, files: filesDone, bytes: bytesDone });
    this.#doing = { phase, filesDone, filesTotal, bytesDone, bytesTotal, since, atMs };
    for (const listener of this.#listeners) listener(this.#doing);
  }

  end(): void {
    this.#doing = null;
  }

  /** Returns how to listen no more. */
  listen(listener: (doing: Replay) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
