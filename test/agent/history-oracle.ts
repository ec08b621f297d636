import type { BytePath } from '../../src/model/path.ts';
import { differences, type Tree } from '../e2e/support/tree.ts';
import type { BucketClock } from './clocked.ts';
import type { Server } from './history-server.ts';
import { bucketIn } from './member.ts';
import { unresolved } from './resolving.ts';

/** The files of a tree, path to hash. */
export function filesOf(tree: Tree): Map<BytePath, string> {
  const files = [...tree].filter(([, words]) => words.startsWith('file'));
  return new Map(files.map(([path, words]) => [path, words.split(' ')[4] as string]));
}

/** Knows what was written and deleted and what a cycle has seen, and says what of it must still be there. */
export class Oracle {
  readonly #clock: BucketClock;
  readonly #historyMs: number;
  /** What the log said after the last cycle. */
  #live = new Set<string>();
  /** Contents that a cycle has seen, with the bucket time at which one was last the log's, or found on a disk. */
  readonly #seen = new Map<string, number>();
  /** Path and content to the last edit that put it there, and to the last one that removed it from a tree whose journal knew it. */
  readonly #written = new Map<string, number>();
  readonly #deleted = new Map<string, number>();
  readonly #resurrected: string[] = [];
  /** Edits so far. */
  #step = 0;
  /** Deletions that no cycle has seen yet, by server. */
  readonly #open = new Map<string, { readonly key: string; readonly step: number }[]>();
  /** Servers whose journal is not the one that knew the tree: what they delete until their next cycle nobody can know of. */
  readonly #blind = new Set<Server>();

  constructor(clock: BucketClock, historyMs: number) {
    this.#clock = clock;
    this.#historyMs = historyMs;
  }

  /** Before anything happens. What a server that was away still shows is no version of now, unless its next cycle finds it there. */
  look(): void {
    for (const hash of this.#live) this.#touch(hash);
  }

  /** A cycle may have published something, and nobody knows what. */
  died(): void {
    this.#live.clear();
  }

  /** What edits have made of a tree. */
  edited(server: Server, before: Tree, after: Tree): void {
    this.#step++;
    const [old, now] = [filesOf(before), filesOf(after)];
    for (const [path, hash] of now) if (old.get(path) !== hash) this.#written.set(keyOf(path, hash), this.#step);
    if (this.#blind.has(server)) return;
    const gone = [...old].filter(([path]) => !now.has(path)).map(([path, hash]) => ({ key: keyOf(path, hash), step: this.#step }));
    this.#open.set(server.name, [...(this.#open.get(server.name) ?? []), ...gone]);
  }

  /** A cycle of the server has come to its end; `before` is what it found. What it leaves is what the log says. */
  cycled(server: Server, before: Tree): void {
    for (const hash of filesOf(before).values()) this.#touch(hash);
    const after = filesOf(server.tree());
    this.#live = new Set(after.values());
    for (const { key, step } of this.#open.get(server.name) ?? []) this.#deleted.set(key, step);
    this.#resurrected.push(...[...after].filter((file) => this.#isBack(...file)).map(([path]) => `${path} is back on ${server.name}`));
    this.forgot(server);
    this.#blind.delete(server);
  }

  /** Its journal is another one. */
  forgot(server: Server): void {
    this.#open.delete(server.name);
    this.#blind.add(server);
  }

  /** A person took the tree away: what only that disk showed went with it. */
  tookAway(server: Server, servers: readonly Server[]): void {
    const elsewhere = new Set(servers.filter((one) => one !== server).flatMap((one) => [...filesOf(one.tree()).values()]));
    for (const hash of filesOf(server.tree()).values()) if (!elsewhere.has(hash)) this.#seen.delete(hash);
  }

  /** Sentences about what is wrong once everything is quiet. `observer` is a server without a past that has just joined. */
  async faults(home: string, servers: readonly Server[], observer: Server): Promise<string[]> {
    const all = [...servers, observer];
    const cutoffMs = this.#clock.nowMs() - this.#historyMs;
    const lost = await unresolved(observer.member.journal, this.#clock.through(bucketIn(home)), cutoffMs);
    return [
      ...lost.map((version) => `no place delivers ${version}`),
      ...all.flatMap((server) => unlike(server, observer)),
      ...this.#missing(all, observer, cutoffMs),
      ...this.#resurrected,
    ];
  }

  #missing(servers: readonly Server[], observer: Server, cutoffMs: number): string[] {
    const held = new Set(servers.flatMap((server) => [...filesOf(server.tree()).values(), ...server.trash()]));
    for (const { entry } of observer.member.journal.allVersions()) if (entry?.kind === 'file') held.add(entry.hash);
    const due = [...this.#seen].filter(([, lastMs]) => lastMs > cutoffMs + slackMs);
    return due.filter(([hash]) => !held.has(hash)).map(([hash]) => `content ${hash.slice(0, 12)} of ${this.#pathsOf(hash)} is lost`);
  }

  #isBack(path: BytePath, hash: string): boolean {
    const key = keyOf(path, hash);
    return (this.#deleted.get(key) ?? 0) > (this.#written.get(key) ?? 0);
  }

  #pathsOf(hash: string): string {
    const keys = [...this.#written.keys()].filter((key) => key.endsWith(hash));
    return keys.map((key) => key.slice(0, -hash.length - 1)).join(', ');
  }

  #touch(hash: string): void {
    this.#seen.set(hash, this.#clock.nowMs());
  }
}

/** Real time that the last steps of a history take. */
const slackMs = 60_000;

function keyOf(path: BytePath, hash: string): string {
  return `${path} ${hash}`;
}

function unlike(server: Server, observer: Server): string[] {
  if (server === observer) return [];
  const faults = differences(server.tree(), observer.tree()).map((line) => `${server.name} | newcomer: ${line}`);
  const position = (one: Server) => `${one.member.journal.meta('cursor')} ${one.member.journal.meta('digest')}`;
  if (position(server) !== position(observer)) faults.push(`${server.name} stands at ${position(server)}, not ${position(observer)}`);
  const waits = server.member.journal.wants().map(({ path, reason }) => `${server.name} still wants ${path}: ${reason}`);
  return [...faults, ...waits];
}
