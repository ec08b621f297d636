/** What stands at a path in one word, as readers see it: modes and times are compared at the end, when all is quiet. */
export type Sight = 'absent' | 'dir' | `link ${string}` | `file ${number} ${string}`;

/** Path, as bytes with one character each, to what stands there. */
export type Sights = ReadonlyMap<string, Sight>;

/** A state that a writer gave to a path. */
interface Step {
  readonly sight: Sight;
  /** What may be seen for a moment before it: a file that is being written. 0: nothing. */
  readonly partialBelow: number;
  /** The path may be absent for a moment before it: another kind of thing takes the place. */
  readonly gapBefore: boolean;
}

interface Story {
  readonly steps: Step[];
  /** Index of the newest step that a `sync` has acknowledged; 0, absent, needs no acknowledgement. */
  acknowledged: number;
  /** Index of the newest step that each member was seen at: nobody may go back. */
  readonly seen: Map<string, number>;
}

/** Where the writers stood; see `acknowledge`. */
export type Mark = ReadonlyMap<string, number>;

const beginning: Step = { sight: 'absent', partialBelow: 0, gapBefore: false };

/**
 * The manifest of paths that have one writer at a time. It knows every state of every path in order, which of them a `sync` has
 * acknowledged, and how far each member was seen; so it can say of every sight whether it may be.
 */
export class Ledger {
  readonly #stories = new Map<string, Story>();
  /** States that were acknowledged, one for each path and state. */
  acknowledgements = 0;
  /** Sights that were held against the manifest. */
  observations = 0;

  /** A writer has turned the first into the second in one go. */
  wrote(before: Sights, after: Sights): number {
    let changes = 0;
    for (const path of new Set([...before.keys(), ...after.keys()])) {
      const [was, is] = [before.get(path) ?? 'absent', after.get(path) ?? 'absent'];
      if (was === is) continue;
      changes++;
      this.#story(path).steps.push({
        sight: is,
        partialBelow: is.startsWith('file') ? Number(is.split(' ')[1]) : 0,
        gapBefore: was !== 'absent' && is !== 'absent' && kindOf(was) !== kindOf(is),
      });
    }
    return changes;
  }

  /** The present state of every path below `prefix`; taken when a `sync` begins. */
  mark(prefix: string): Mark {
    const below = [...this.#stories].filter(([path]) => path.startsWith(prefix));
    return new Map(below.map(([path, story]) => [path, story.steps.length - 1]));
  }

  /** The `sync` that began at the mark has returned 0, and its member's writer was idle meanwhile. */
  acknowledge(mark: Mark): void {
    for (const [path, index] of mark) {
      const story = this.#story(path);
      if (index <= story.acknowledged) continue;
      this.acknowledgements++;
      story.acknowledged = index;
    }
  }

  isAcknowledged(prefix: string): boolean {
    return [...this.#stories].every(([path, { steps, acknowledged }]) => !path.startsWith(prefix) || acknowledged === steps.length - 1);
  }

  /** What stands below `prefix` by the writers' word. */
  expected(prefix: string): Sights {
    const now = [...this.#stories].map(([path, story]) => [path, (story.steps.at(-1) ?? beginning).sight] as const);
    return new Map(now.filter(([path, sight]) => path.startsWith(prefix) && sight !== 'absent'));
  }

  /** The member holds what is expected: it is the writer from now on, or was until now. */
  caughtUp(member: string, prefix: string): void {
    for (const [path, index] of this.mark(prefix)) this.#story(path).seen.set(member, index);
  }

  /** Holds everything that a member, not the writer, shows below `prefix` against the manifest; returns what may not be. */
  observe(member: string, prefix: string, sights: Sights): string[] {
    const faults: string[] = [];
    for (const [path, story] of this.#stories) {
      if (!path.startsWith(prefix)) continue;
      this.observations++;
      const sight = sights.get(path) ?? 'absent';
      const from = story.seen.get(member) ?? 0;
      // A whole version of the past is none that is being written.
      const isOld = sight !== 'absent' && sight !== emptyFile && story.steps.some((step) => step.sight === sight);
      const fits = (step: Step, index: number) => step.sight === sight || (index > from && !isOld && isBetween(step, sight));
      const at = story.steps.findIndex((step, index) => index >= from && fits(step, index));
      if (at >= 0) story.seen.set(member, at);
      else faults.push(`${member} shows ${told(path)} as "${sight}" after step ${from} of: ${storyOf(story)}`);
    }
    return faults;
  }

  /** At the end: what a member lacks, has too much, or shows wrongly. `verified` counts acknowledged files that are right. */
  finish(member: string, prefix: string, sights: Sights): { readonly faults: string[]; readonly verified: number } {
    const wanted = this.expected(prefix);
    const faults: string[] = [];
    let verified = 0;
    for (const path of new Set([...wanted.keys(), ...sights.keys()])) {
      const [want, is] = [wanted.get(path) ?? 'absent', sights.get(path) ?? 'absent'];
      const story = this.#stories.get(path);
      const word = story !== undefined && story.acknowledged === story.steps.length - 1 ? 'acknowledged' : 'written';
      if (want !== is) faults.push(`${member} shows ${told(path)} as "${is}", ${word} was: ${story ? storyOf(story) : 'nothing'}`);
      else if (word === 'acknowledged' && is.startsWith('file')) verified++;
    }
    return { faults, verified };
  }

  #story(path: string): Story {
    const known = this.#stories.get(path);
    if (known !== undefined) return known;
    const story: Story = { steps: [beginning], acknowledged: 0, seen: new Map() };
    this.#stories.set(path, story);
    return story;
  }
}

function kindOf(sight: Sight): string {
  return sight.split(' ')[0] ?? '';
}

const emptyFile: Sight = 'file 0 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

function isBetween(step: Step, sight: Sight): boolean {
  if (sight === 'absent') return step.gapBefore;
  return sight.startsWith('file') && Number(sight.split(' ')[1]) < step.partialBelow;
}

function told(path: string): string {
  return JSON.stringify(path);
}

const stepsTold = 6;

function storyOf({ steps, acknowledged }: Story): string {
  const lines = steps.map(({ sight }, index) => `${index}: ${sight.slice(0, 40)}${index === acknowledged ? ' (acknowledged)' : ''}`);
  return lines.slice(-stepsTold).join(', ');
}
