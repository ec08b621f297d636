import type { BytePath } from '../../src/model/path.ts';
import type { ContentKey } from './contents.ts';
import { type Content, type Event, unexplained } from './oracle.ts';
import { Violation } from './violation.ts';

type Keys = ReadonlyMap<BytePath, ContentKey>;

/**
 * Writes down what happens to a federation as one sees it from outside, for the oracle: what users do, what the disks show, which cycles came to
 * their end without a word. Time is the order in which it is written down.
 */
export class Chronicle {
  readonly #events: Event[] = [];
  readonly #known = new Set<string>();
  readonly #joined = new Set<string>();
  /** Of these nobody can say what somebody meant: held and turned down, or something that no log holds stood there. */
  readonly #unsure = new Set<BytePath>();
  #tick = 0;
  /** Somebody has set the bucket back, or brought earlier states back: from then on the order of all writes is another one. */
  void = false;

  get now(): number {
    return ++this.#tick;
  }

  /**
   * What somebody has made of a disk; `meant` is false for a power cut or an old image. Who deletes what an agent has `placed` a moment ago, and
   * not looked at yet, does so at the same time as the edit that it brings: the edit may win.
   */
  wrote(
    member: string,
    before: Keys,
    after: Keys,
    { meant, placed }: { readonly meant: boolean; readonly placed: ReadonlySet<BytePath> },
  ): void {
    this.#begin(member);
    const at = this.now;
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(path), after.get(path)];
      if (was === is) continue;
      const unsure = !meant || !this.#joined.has(member) || (is === undefined && placed.has(path));
      if (was === 'other' || is === 'other') this.#unsure.add(path);
      if (meant) this.#events.push({ what: 'seen', member, path, content: contentOf(was), at });
      this.#events.push({
        what: 'write',
        member,
        path,
        content: contentOf(is),
        at,
        unsure,
        directory: is === 'dir',
        ...(meant ? { over: contentOf(was) } : {}),
      });
    }
  }

  /** What an agent has made of a disk. */
  showed(member: string, before: Keys, after: Keys, isTouched: (path: BytePath) => boolean): void {
    this.#begin(member);
    const at = this.now;
    for (const path of new Set([...before.keys(), ...after.keys()]))
      if (before.get(path) !== after.get(path) && !isTouched(path))
        this.#events.push({ what: 'seen', member, path, content: contentOf(after.get(path)), at });
  }

  /** A whole cycle that began at `at` came to its end without a word, and left this. */
  synced(member: string, at: number, keys: Keys): void {
    const until = this.now;
    this.#joined.add(member);
    this.#events.push({ what: 'synced', member, at, until });
    for (const [path, key] of keys) this.#events.push({ what: 'seen', member, path, content: contentOf(key), at: until });
  }

  /** The disk, or what its member knows of it, is another one now. */
  reset(member: string): void {
    this.#joined.delete(member);
    this.#events.push({ what: 'reset', member, at: this.now });
  }

  /** What a server has before its first sync is no part of the history. */
  #begin(member: string): void {
    if (!this.#known.has(member)) this.#events.push({ what: 'reset', member, at: 0 });
    this.#known.add(member);
  }

  doubt(paths: Iterable<BytePath>): void {
    for (const path of paths) this.#unsure.add(path);
  }

  /** When all is over: `kept` is what the history and all trashes hold. Throws Violation. */
  judge(finals: ReadonlyMap<string, Keys>, kept: Iterable<readonly [BytePath, ContentKey]>, isExcluded: (path: BytePath) => boolean): void {
    if (this.void) return;
    const paths = new Set(this.#events.flatMap((event) => ('path' in event ? [event.path] : [])));
    const judged = [...paths].filter((path) => !isExcluded(path) && !this.#isDoubtful(path));
    const known = new Set(judged);
    const ends = [...finals].flatMap(([member, keys]): Event[] =>
      judged.map((path) => ({ what: 'final', member, path, content: contentOf(keys.get(path)) })),
    );
    const held = [...kept].map(([path, key]): Event => ({ what: 'kept', path, content: contentOf(key) }));
    const history = [...this.#events, ...held, ...ends].filter((event) => !('path' in event) || known.has(event.path));
    const [fault] = unexplained(history);
    if (fault !== undefined) throw new Violation([`the oracle says of ${fault}`, ...told(history, fault)].join('\n'));
  }

  #isDoubtful(path: BytePath): boolean {
    for (const each of this.#unsure) if (path === each || path.startsWith(`${each}/`) || each.startsWith(`${path}/`)) return true;
    return false;
  }
}

const toldMax = 60;

/** What the oracle has of the path that it speaks of. */
function told(history: readonly Event[], fault: string): string[] {
  const about = history.filter((event) => !('path' in event) || fault.startsWith(`${event.path}: `));
  return about.slice(-toldMax).map((event) => JSON.stringify(event));
}

/** A directory is no file. */
function contentOf(key: ContentKey | undefined): Content {
  return key === undefined || key === 'dir' || key === 'other' ? null : key;
}
