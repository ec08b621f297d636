import type { Deviation } from '../model/deviation.ts';
import type { BytePath } from '../model/path.ts';
import { parentOf } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import { type Scope, wholeScope } from '../model/scope.ts';
import type { Journal, WantReason } from '../ports/journal.ts';

/** More is looked at as a whole: by then a scan is cheaper than a list. */
const directoriesMax = 20_000;
const wantsMax = 5000;

/** What a look was given to look at; `putBack` when it came to no end. */
export interface Taken {
  readonly scope: Scope;
  /** Named while the look was under way, and looked at by it. */
  include(directories: ReadonlySet<BytePath>): void;
  putBack(): void;
}

/**
 * Where the next look has to go, in the memory of one process: what a watch has named, and whatever the looks so far have not found clean.
 * A look at a part of the tree is worth as much as one at everything for as long as it takes in all that is here. Begins with everything.
 */
export class Attention {
  #whole = true;
  #directories = new Set<BytePath>();
  #subtrees = new Set<BytePath>();
  /** What earlier looks said of paths, for those that look elsewhere. */
  problems: readonly Problem[] = [];
  unknown: ReadonlySet<BytePath> = new Set();
  deviations: readonly Deviation[] = [];

  /** True when there is anything to look at. */
  get wanted(): boolean {
    return this.#whole || this.#directories.size + this.#subtrees.size > 0;
  }

  get wantsWhole(): boolean {
    return this.#whole;
  }

  wantWhole(): void {
    this.#whole = true;
    this.#directories = new Set();
    this.#subtrees = new Set();
  }

  add(directories: Iterable<BytePath>, subtrees: Iterable<BytePath> = []): void {
    for (const [paths, into] of [
      [directories, this.#directories],
      [subtrees, this.#subtrees],
    ] as const) {
      for (const path of paths) {
        if (this.#whole) return;
        into.add(path);
        if (this.#directories.size + this.#subtrees.size > directoriesMax) this.wantWhole();
      }
    }
  }

  /** What stands now, without taking it. */
  scope(journal: Journal): Scope {
    return this.#whole ? wholeScope : withWanted(journal, this.#directories, this.#subtrees);
  }

  /** All that is here was looked at just now, and is as the journal has it. */
  foundClean(): void {
    this.#whole = false;
    this.#directories = new Set();
    this.#subtrees = new Set();
  }

  /** For a look at `asked`. One at directories takes in everything that is here, one below some paths takes nothing away. */
  take(asked: Scope, journal: Journal): Taken {
    if (asked.kind === 'below') return { scope: asked, include: () => {}, putBack: () => {} };
    const [whole, directories, subtrees] = [this.#whole, this.#directories, this.#subtrees];
    const scope = whole || asked.kind === 'whole' ? wholeScope : withWanted(journal, directories, subtrees);
    this.#whole = false;
    this.#directories = new Set();
    this.#subtrees = new Set();
    return {
      scope,
      include: (more) => {
        for (const path of more) directories.add(path);
      },
      putBack: () => {
        if (whole || asked.kind === 'whole') this.wantWhole();
        else this.add(directories, subtrees);
      },
    };
  }
}

/** Wants that an apply may try: what is meant to stay as it is needs no look. */
const coming: readonly WantReason[] = ['pending', 'held', 'unfetchable', 'full', 'busy', 'unsupported', 'refused', 'occupied', 'drift'];

/** What the log wants here must meet what is here, also where a directory has to go or to give way. */
function withWanted(journal: Journal, directories: ReadonlySet<BytePath>, subtrees: ReadonlySet<BytePath>): Scope {
  const wanted = journal.wants(coming);
  if (wanted.length === 0) return { kind: 'directories', paths: directories, subtrees };
  if (wanted.length > wantsMax) return wholeScope;
  const paths = new Set(directories);
  for (const { path, entry } of wanted) {
    paths.add(parentOf(path));
    if (entry?.kind !== 'dir' && journal.agreed(path)?.entry.kind === 'dir') paths.add(path);
  }
  return { kind: 'directories', paths, subtrees };
}
