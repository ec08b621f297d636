import { lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { ancestorsOf, parentOf } from '../../src/model/path.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { differences, snapshot } from '../e2e/support/tree.ts';
import { memberIn, type TestMember } from './member.ts';

const memberNames = ['a', 'b', 'c'] as const;
const names = ['x', 'y', 'z'] as const;
const stepsMax = 60;
const maxDelete = { percent: 100, percentBelow40: 100, floor: 1000, windowMs: 1000 };
const lasting = new AbortController().signal;

function fractions(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Files with their contents' hashes. */
function contentsIn(root: string, below: string): string[] {
  return readdirSync(join(root, below)).flatMap((name) => {
    const path = below === '' ? name : `${below}/${name}`;
    const stat = lstatSync(join(root, path));
    if (stat.isDirectory()) return contentsIn(root, path);
    return stat.isFile() ? [`${path} ${contentHash(readFileSync(join(root, path)))}`] : [];
  });
}

/** Three members on which everything happens in between everything else, as a seed has it. */
class Interleaving {
  readonly #fraction: () => number;
  readonly #home = temporaryDirectory();
  readonly #heard = new Map<string, Set<string>>(memberNames.map((name) => [name, new Set()]));
  /** What a complete cycle has met. */
  readonly seen = new Set<string>();
  readonly members = new Map<string, TestMember>();
  #strokes = 0;

  constructor(seed: number) {
    this.#fraction = fractions(seed);
    for (const name of memberNames) this.#open(name);
  }

  /** As after a kill: what the process remembered is gone. */
  #open(name: string): void {
    const conflict = name === 'a' ? 'newest' : 'remote';
    this.members.set(name, memberIn(this.#home, name, { config: { mode: 'lightweight', conflict, maxDelete } }));
  }

  #pick<T>(of: readonly T[]): T {
    return of[Math.floor(this.#fraction() * of.length)] as T;
  }

  #path(): string {
    return Array.from({ length: 1 + Math.floor(this.#fraction() * 3) }, () => this.#pick(names)).join('/');
  }

  /** Of four edits, events tell of three. */
  edit(name: string): void {
    const [from, to] = [this.#path(), this.#path()];
    const { root } = this.members.get(name) as TestMember;
    try {
      this.#change(root, this.#pick(['write', 'write', 'write', 'remove', 'move', 'make', 'link']), from, to);
    } catch {
      // A file stands in the way, or nothing is there: that is no edit.
    }
    if (this.#fraction() > 0.75) return;
    const heard = this.#heard.get(name) as Set<string>;
    for (const path of [from, to]) for (const dir of ['', parentOf(path), ...ancestorsOf(path)]) heard.add(dir);
  }

  #change(root: string, what: string, from: string, to: string): void {
    if (what === 'remove') return rmSync(join(root, from), { recursive: true });
    mkdirSync(join(root, parentOf(what === 'move' ? to : from)), { recursive: true });
    if (what === 'move') renameSync(join(root, from), join(root, to));
    else if (what === 'make') mkdirSync(join(root, from));
    else if (what === 'link') symlinkSync(this.#pick(names), join(root, from));
    else writeFileSync(join(root, from), `${this.#strokes++}`.repeat(1 + (this.#strokes % 5)));
  }

  async step(): Promise<void> {
    const name = this.#pick(memberNames);
    for (let edits = Math.floor(this.#fraction() * 3); edits > 0; edits--) this.edit(name);
    const kind = this.#fraction();
    if (kind < 0.1) return this.#open(name);
    const stop = new AbortController();
    if (this.#fraction() < 0.25) setTimeout(() => stop.abort(), Math.floor(this.#fraction() * 25));
    const { cycle, root } = this.members.get(name) as TestMember;
    const until = { signal: stop.signal, lasting };
    if (kind < 0.3) await cycle({ only: 'publish', scope: { kind: 'below', paths: [this.#path(), this.#path()] }, ...until });
    else if (kind < 0.6) {
      const here = contentsIn(root, '');
      const { unfinished, halt } = await cycle({ log: 'next', sweep: true, ...until });
      if (!stop.signal.aborted && !unfinished && halt === null) for (const each of here) this.seen.add(each);
    } else await this.#look(name, until);
  }

  /** A look at directories, in the middle of which more may happen. */
  async #look(name: string, until: { signal: AbortSignal; lasting: AbortSignal }): Promise<void> {
    const { cycle, agent } = this.members.get(name) as TestMember;
    const take = () => {
      const heard = new Set(this.#heard.get(name));
      this.#heard.get(name)?.clear();
      agent.memory.attention.add(heard);
      return heard;
    };
    const hints = () => {
      if (this.#fraction() < 0.5) return new Set<string>();
      this.edit(name);
      return take();
    };
    const scope = { kind: 'directories' as const, paths: take(), subtrees: new Set<string>() };
    await cycle({ scope, log: this.#pick(['known', 'next'] as const), hints, ...until });
  }

  /** In the log's history, or in somebody's trash. */
  keeps(seen: string): boolean {
    const [path = '', hash] = seen.split(' ');
    const rows = [...this.members.values()].flatMap(({ journal }) => [
      ...journal.versions(path),
      ...journal.trash().filter((row) => row.path === path),
    ]);
    return rows.some(({ entry }) => entry?.kind === 'file' && entry.hash === hash);
  }
}

test.each([1, 2, 3, 4, 5])(
  'whatever looks, stops and losses of events come in between, nothing is lost and all are equal: %i',
  {
    timeout: 60_000,
  },
  async (seed) => {
    const interleaving = new Interleaving(seed);
    for (let edits = 0; edits < 8; edits++) interleaving.edit('a');
    for (const member of interleaving.members.values()) await member.cycle();
    for (let steps = 0; steps < stepsMax; steps++) await interleaving.step();
    const members = [...interleaving.members.values()];
    for (const { root } of members) writeFileSync(join(root, 'so that none is empty'), '');
    for (let rounds = 0; rounds < 5; rounds++) for (const member of members) await member.cycle();
    expect(interleaving.seen.size).toBeGreaterThan(0);
    expect([...interleaving.seen].filter((seen) => !interleaving.keeps(seen))).toEqual([]);
    const [a, ...others] = members as [TestMember, ...TestMember[]];
    for (const other of others) {
      expect(differences(snapshot(a.root), snapshot(other.root))).toEqual([]);
      expect(other.journal.meta('digest')).toBe(a.journal.meta('digest'));
    }
  },
);
