import { type Schedule, startSchedule } from '../adapters/scheduler.ts';
import { systemTime } from '../adapters/system.ts';
import type { Attention } from '../agent/attention.ts';
import type { ShareConfig } from '../config-types.ts';
import { wholeLookRestMs } from '../model/pace.ts';
import type { BytePath } from '../model/path.ts';
import { type Problem, problem } from '../model/problem.ts';
import type { Watch, Watcher } from '../ports/watch.ts';

const nothing: ReadonlySet<BytePath> = new Set();

/** File events of one lightweight share: hints for its looks, and what a person should know of them. */
export class Lookout {
  readonly #watch: Watch;
  #told = 'null';
  #wholeFromMs = 0;

  constructor(watcher: Watcher, share: ShareConfig, onHint: () => void) {
    this.#watch = watcher.watch({ root: share.path, exclude: share.exclude, onHint });
  }

  /**
   * True when a cycle has something to do or to tell. What was named is in `attention` then, and stays there until a look has seen it.
   * Everything is not to be looked at for nothing: a glance says whether there is anything to do.
   */
  noticed(attention: Attention): boolean {
    const isNew = this.#watch.pending;
    this.#take(attention);
    const trouble = JSON.stringify(this.#watch.trouble());
    const isChanged = trouble !== this.#told;
    this.#told = trouble;
    return isChanged || (isNew && !attention.wantsWhole);
  }

  /** For a look that is under way: what has been named since. */
  hints(attention: Attention): ReadonlySet<BytePath> {
    return this.#watch.pending ? this.#take(attention) : nothing;
  }

  #take(attention: Attention): ReadonlySet<BytePath> {
    const { directories, whole } = this.#watch.take();
    if (whole !== null) attention.wantWhole();
    attention.add(directories);
    return directories;
  }

  /** How long everything need not be looked at again, ms; 0 when it may be. */
  restMs(attention: Attention): number {
    return attention.wantsWhole ? Math.max(0, this.#wholeFromMs - systemTime.monotonicMs()) : 0;
  }

  sawEverything(tookMs: number): void {
    this.#wholeFromMs = systemTime.monotonicMs() + wholeLookRestMs(tookMs);
  }

  troubles(): Problem[] {
    const trouble = this.#watch.trouble();
    return trouble === null ? [] : [problem(trouble.code, null, trouble.text, trouble.fix)];
  }

  get standing(): number {
    return this.#watch.standing;
  }

  async close(): Promise<void> {
    await this.#watch.close();
  }
}

/** Null where sweeps come by their distance. */
export async function scheduleSweeps({ sweep }: ShareConfig, onSweep: () => void): Promise<Schedule | null> {
  return sweep.at === null ? null : await startSchedule(sweep.at, onSweep);
}
