import type { Publication } from '../../src/model/close.ts';
import { close, inTheWay } from '../../src/model/close.ts';
import type { DirEntry, Entry, Sequence, Versioned } from '../../src/model/entry.ts';
import { sameContent, sameEntry } from '../../src/model/entry.ts';
import type { BytePath } from '../../src/model/path.ts';
import { ancestorsOf, isWithin } from '../../src/model/path.ts';
import type { Policy, Wanted } from '../../src/model/reconcile.ts';
import { absorbed, reconcile } from '../../src/model/reconcile.ts';

/** The log of one share without a bucket: every record's changes, the fold, and every version there ever was. */
export class Log {
  readonly fold = new Map<BytePath, Versioned>();
  /** Everything that was ever live or kept, in order. */
  readonly versions: { readonly path: BytePath; readonly entry: Entry }[] = [];
  readonly records: ReadonlyMap<BytePath, Entry | null>[] = [];
  /** Contents that were live at a path and are no more. */
  readonly #superseded = new Set<string>();

  append(publications: Iterable<Publication>, kept: readonly { path: BytePath; entry: Entry }[]): Sequence {
    const changes = new Map<BytePath, Entry | null>();
    const version = this.records.length + 1;
    for (const { path, entry, base } of publications) {
      const folded = this.fold.get(path);
      if (base !== (folded?.version ?? 0)) throw new Error(`${path}: base ${base}, but the fold has ${folded?.version ?? 0}`);
      if (sameEntry(entry, folded?.entry ?? null)) throw new Error(`${path}: equals the fold`);
      this.#supersede(path, folded?.entry ?? null, entry);
      changes.set(path, entry);
    }
    for (const [path, entry] of changes) {
      if (entry === null) this.fold.delete(path);
      else {
        this.fold.set(path, { entry, version });
        this.versions.push({ path, entry });
      }
    }
    this.versions.push(...kept);
    this.records.push(changes);
    requireWellFormed(new Map([...this.fold].map(([path, { entry }]) => [path, entry])), 'the fold');
    return version;
  }

  /** Since every write has content of its own, what was replaced or deleted once may never be live again (promise 5). */
  #supersede(path: BytePath, before: Entry | null, after: Entry | null): void {
    if (sameContent(before, after)) return;
    const keyOf = (entry: Entry | null) =>
      entry?.kind === 'file' ? `${path} ${entry.hash}` : entry?.kind === 'link' ? `${path} ${entry.target}` : '';
    if (this.#superseded.has(keyOf(after))) throw new Error(`${path}: old content is live again`);
    if (keyOf(before) !== '') this.#superseded.add(keyOf(before));
  }
}

export function requireWellFormed(tree: ReadonlyMap<BytePath, Entry>, what: string): void {
  for (const path of tree.keys()) {
    for (const ancestor of ancestorsOf(path)) {
      if (tree.get(ancestor)?.kind !== 'dir') throw new Error(`${what}: ${path} stands below ${ancestor}, which is no directory`);
    }
  }
}

const newDirectory: DirEntry = { kind: 'dir', mode: 0o755, owner: null, group: null };

/** One member: a disk, a journal (base, wants, cursor), a trash. What a cycle does, without anything that can fail. */
export class Member {
  readonly disk = new Map<BytePath, Entry>();
  readonly trash: { readonly path: BytePath; readonly entry: Entry }[] = [];
  readonly #base = new Map<BytePath, Versioned>();
  readonly #wants = new Map<BytePath, Wanted>();
  #cursor = 0;
  readonly #log: Log;
  readonly #policy: Policy;

  constructor(log: Log, policy: Policy) {
    this.#log = log;
    this.#policy = policy;
  }

  /** A person writes here: parents are made, what stands in the way goes. */
  write(path: BytePath, entry: Entry): void {
    for (const ancestor of ancestorsOf(path)) if (this.disk.get(ancestor)?.kind !== 'dir') this.disk.set(ancestor, newDirectory);
    if (entry.kind !== 'dir') this.erase(path);
    this.disk.set(path, entry);
  }

  erase(path: BytePath): void {
    for (const below of [...this.disk.keys()]) if (isWithin(below, path)) this.disk.delete(below);
  }

  change(path: BytePath, change: (entry: Entry) => Entry): void {
    const entry = this.disk.get(path);
    if (entry !== undefined) this.disk.set(path, change(entry));
  }

  ingest(): void {
    for (; this.#cursor < this.#log.records.length; this.#cursor++) {
      const version = this.#cursor + 1;
      for (const [path, entry] of this.#log.records[this.#cursor] ?? []) this.#wants.set(path, { entry, version });
    }
  }

  /** Reconciles, closes and appends; `apply: false` is a member killed right after its append. Returns the number of changes. */
  cycle({ apply }: { readonly apply: boolean }): number {
    this.ingest();
    const { planned, losers, agreeing } = this.#reconcile();
    const closed = close(planned, this.#view());
    for (const path of agreeing) this.#settle(path);
    for (const path of [...closed.withdrawn.keys(), ...closed.displaced.map((one) => one.path)]) this.#wantFold(path);
    const forced = (path: BytePath) => closed.publications.get(path)?.onDisk === true;
    const kept = losers.filter(({ path }) => !forced(path));
    for (const { path, entry } of closed.displaced) if (entry !== null) kept.push({ path, entry });
    if (closed.publications.size + kept.length > 0) this.#append(closed.publications, kept);
    if (!apply) return closed.publications.size + kept.length;
    const wants = new Map([...this.#wants].map(([path, { entry }]) => [path, entry]));
    for (const path of inTheWay(wants, this.#standing())) this.#wants.set(path, this.#log.fold.get(path) ?? { entry: null, version: 0 });
    this.#apply();
    return closed.publications.size + kept.length;
  }

  #reconcile() {
    const planned = new Map<BytePath, Publication>();
    const losers: { path: BytePath; entry: Entry }[] = [];
    const agreeing: BytePath[] = [];
    for (const path of new Set([...this.disk.keys(), ...this.#base.keys(), ...this.#wants.keys()])) {
      const here = this.disk.get(path);
      const decision = reconcile(
        this.#base.get(path) ?? null,
        here === undefined ? { seen: 'absent' } : { seen: 'entry', entry: here },
        this.#wants.get(path),
        this.#policy,
      );
      if (decision.do === 'publish') planned.set(path, { path, ...decision });
      if (decision.do === 'yield') losers.push({ path, entry: decision.loser });
      if (decision.do === 'agree') agreeing.push(path);
    }
    return { planned, losers, agreeing };
  }

  #view() {
    const fold = this.#log.fold;
    return {
      folded: (path: BytePath) => fold.get(path) ?? null,
      foldedBelow: (directory: BytePath) => [...fold.keys()].filter((path) => path !== directory && isWithin(path, directory)),
      localDirectory: (path: BytePath) => {
        const here = this.disk.get(path);
        return here?.kind === 'dir' ? here : null;
      },
    };
  }

  #standing() {
    return {
      kind: (path: BytePath) => this.disk.get(path)?.kind ?? null,
      below: (directory: BytePath) => [...this.disk.keys()].filter((path) => path !== directory && isWithin(path, directory)),
    };
  }

  #append(publications: ReadonlyMap<BytePath, Publication>, kept: readonly { path: BytePath; entry: Entry }[]): void {
    const version = this.#log.append(publications.values(), kept);
    this.#cursor = version;
    for (const { path, entry, onDisk } of publications.values()) {
      const [before, wanted] = [this.#base.get(path), this.#wants.get(path)];
      this.#wants.set(path, { entry, version });
      if (onDisk) this.#settle(path);
      else if (before && wanted?.entry && entry) this.#base.set(path, { entry: absorbed(before.entry, wanted.entry, entry), version });
    }
  }

  /** Disk and log have met: the want becomes the base. */
  #settle(path: BytePath): void {
    const want = this.#wants.get(path);
    this.#wants.delete(path);
    if (want === undefined || want.entry === null) this.#base.delete(path);
    else this.#base.set(path, { entry: want.entry, version: want.version });
  }

  #wantFold(path: BytePath): void {
    const folded = this.#log.fold.get(path);
    if (folded !== undefined) this.#wants.set(path, folded);
  }

  /** Brings every want to the disk: deletions children first, then the rest parents first; what is displaced goes to the trash. */
  #apply(): void {
    const wants = [...this.#wants].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [path, { entry }] of [...wants].reverse()) {
      const here = this.disk.get(path);
      if (here === undefined || (entry !== null && entry.kind === here.kind)) continue;
      if (entry === null && [...this.disk.keys()].some((other) => other !== path && isWithin(other, path))) continue;
      this.trash.push({ path, entry: here });
      this.disk.delete(path);
    }
    for (const [path, { entry }] of wants) {
      const here = this.disk.get(path);
      if (entry !== null && here !== undefined && !sameContent(here, entry)) this.trash.push({ path, entry: here });
      if (entry !== null) this.disk.set(path, entry);
      this.#settle(path);
    }
    requireWellFormed(this.disk, 'a disk');
  }
}
