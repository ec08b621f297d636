import { statusPart } from '../adapters/state-directory.ts';
import { keepText, openStatusFile, readKept, type StatusFile, StatusFileFault } from '../adapters/status-file.ts';
import { systemTime } from '../adapters/system.ts';
import type { ProgressEvent } from '../agent/context.ts';
import type { Outcome, ShareAgent } from '../agent.ts';
import type { World } from '../compose.ts';
import { statusPathOf } from '../config-status-file.ts';
import type { ShareConfig, StatusFileConfig } from '../config-types.ts';
import { type Problem, problem } from '../model/problem.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { JournalFault } from '../ports/journal.ts';
import { blankFacts, type Facts, factsOf, partOf, readPart, type StatusPart } from './status-part.ts';
import { statusText } from './status-text.ts';

/** A report that says the same is written anew after this time at the latest, and three times while it is good. */
const repeatMs = 60_000;
/** Two shares that write one file at the same moment see each other's part at the second or third look. */
const looksMax = 3;

/**
 * Keeps the status file of one share, where the config asks for one. Each share leaves its part in the state directory; the file is made
 * of the parts of all shares that name it. The caller holds the share's lock, except for `isDue`.
 */
export class StatusTeller {
  readonly #world: World;
  readonly #share: ShareConfig;
  readonly #file: StatusFile | null;
  #writtenMs = Number.NEGATIVE_INFINITY;
  #unfinished = false;

  constructor(world: World, share: ShareConfig) {
    this.#world = world;
    this.#share = share;
    const path = statusPathOf(share);
    const beside = share.path.slice(0, share.path.lastIndexOf('/'));
    const places = [world.config.state, `${beside}/.flocksync-${encodeURIComponent(share.name)}`];
    this.#file = path === null ? null : openStatusFile(path, share.name, places);
  }

  /** Tells what a cycle came to; a file that cannot be written is a problem of the share. */
  cycled(outcome: Outcome, agent: ShareAgent): Problem | null {
    if (this.#file === null || this.#world.signal.aborted) return null;
    this.#unfinished = outcome.unfinished;
    const facts = factsOf(outcome, agent, this.#before(), systemTime.wallMs());
    try {
      // Where the root is gone, its status file is gone with it, and that has been said.
      if (this.#tell(facts) || outcome.halt !== null) return null;
      return statusProblem(
        `the directory of the status file ${statusPathOf(this.#share)} does not exist`,
        'Make it, or name another place.',
      );
    } catch (error) {
      if (error instanceof StatusFileFault) return statusProblem(error.message, error.fix);
      throw error;
    }
  }

  /** Tells that a cycle failed with this. */
  failed(error: unknown): void {
    if (!this.#world.signal.aborted) this.#tellQuietly({ ...this.#before(), trouble: [codeOf(error)], progress: null });
  }

  /** Some time has gone by since the file was written. */
  isDue(): boolean {
    return this.#file !== null && systemTime.monotonicMs() - this.#writtenMs >= this.#periodMs();
  }

  /** The log had nothing new and no cycle was needed: what was good still is. */
  idle(): void {
    if (this.#file === null) return;
    const before = this.#before();
    const good = before.trouble.length === 0 && before.goodAtMs !== null && !this.#unfinished;
    this.#tellQuietly({ ...before, goodAtMs: good ? systemTime.wallMs() : before.goodAtMs, progress: null });
  }

  /** A long cycle says how far it is. */
  progressed({ phase, filesDone = 0, filesTotal = 0 }: ProgressEvent): void {
    if (!this.isDue()) return;
    this.#tellQuietly({ ...this.#before(), progress: { phase, filesDone, filesTotal } });
  }

  #before(): Facts {
    return readPart(readKept(statusPart(this.#world.config, this.#share.name))) ?? blankFacts;
  }

  #periodMs(): number {
    return Math.min(repeatMs, (this.#share.statusFile as StatusFileConfig).goodForMs / 3);
  }

  /** What goes wrong here is said by the next cycle that comes to its end. */
  #tellQuietly(facts: Facts): void {
    try {
      this.#tell(facts);
    } catch (error) {
      if (!(error instanceof StatusFileFault)) throw error;
      this.#world.log.warn({ share: this.#share.name }, error.message);
    }
  }

  /** False where the directory of the file is not there. */
  #tell(told: Facts): boolean {
    const file = this.#file;
    if (file === null) return true;
    const nowMs = systemTime.wallMs();
    this.#writtenMs = systemTime.monotonicMs();
    const kept = statusPart(this.#world.config, this.#share.name);
    const before = readPart(readKept(kept));
    const part = partOf(this.#share.name, overdue(told, nowMs, this.#share.statusFile as StatusFileConfig), nowMs);
    const standing = file.read();
    if (before !== null && saysTheSame(before, part, this.#periodMs()) && standing === this.#textWith(before)) return true;
    keepText(kept, `${JSON.stringify(part)}\n`);
    for (let look = 1, text = this.#textWith(part); ; look++) {
      if (!file.replace(text)) return false;
      const again = this.#textWith(part);
      if (again === text || look === looksMax) return true;
      text = again;
    }
  }

  /** In the order of the config. */
  #textWith(own: StatusPart): string {
    const { config } = this.#world;
    const path = statusPathOf(this.#share);
    const together = config.shares.filter((share) => share.pattern === null && statusPathOf(share) === path).map(({ name }) => name);
    const names = together.includes(own.share) ? together : [own.share];
    const parts = names.map((name) =>
      name === own.share ? own : (readPart(readKept(statusPart(config, name))) ?? partOf(name, blankFacts, 0)),
    );
    return statusText(parts, this.#share.statusFile as StatusFileConfig, config.member);
  }
}

function statusProblem(text: string, fix: string): Problem {
  return problem('status-file', null, text, fix);
}

/** Work that is not done in the time for which a report holds is no success any more, though nothing failed. */
function overdue(facts: Facts, nowMs: number, { goodForMs }: StatusFileConfig): Facts {
  const late = facts.trouble.length === 0 && facts.goodAtMs !== null && nowMs - facts.goodAtMs > goodForMs;
  return late ? { ...facts, trouble: ['behind'] } : facts;
}

function saysTheSame(before: StatusPart, part: StatusPart, periodMs: number): boolean {
  const timeless = (one: StatusPart) => JSON.stringify({ ...one, writtenMs: 0, goodAtMs: one.goodAtMs === null ? null : 0 });
  const ageMs = part.writtenMs - before.writtenMs;
  return ageMs >= 0 && ageMs < periodMs && timeless(before) === timeless(part);
}

function codeOf(error: unknown): string {
  if (error instanceof DatastoreFault) return `datastore ${error.code}`;
  return error instanceof JournalFault ? `journal ${error.code}` : 'internal error';
}
