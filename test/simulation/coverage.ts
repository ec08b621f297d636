/** What may go wrong. */
export const faults = [
  'failed',
  'answer-lost',
  'late',
  'cut',
  'throttled',
  'refused',
  'date',
  'killed',
  'power-cut',
  'io',
  'denied',
  'full',
  'raced',
] as const;
export type Fault = (typeof faults)[number];

/** What a member is doing meanwhile, as its calls of ports show it. */
export const steps = [
  'open',
  'scan',
  'publish',
  'ingest',
  'fetch',
  'apply',
  'journal',
  'heartbeat',
  'housekeep',
  'snapshot',
  'bootstrap',
  'restore',
  'verify',
] as const;
export type Step = (typeof steps)[number];

const ofStore: readonly Fault[] = ['failed', 'answer-lost', 'late', 'throttled', 'refused', 'date', 'killed', 'power-cut'];
const ofDisk: readonly Fault[] = ['killed', 'power-cut', 'io', 'raced'];

/** Which fault can meet which step. A cut body needs a body; a disk is full only for what writes to it. */
const possible: Readonly<Record<Step, readonly Fault[]>> = {
  open: [...ofStore, 'cut'],
  scan: [...ofDisk, 'denied'],
  publish: ofStore,
  ingest: [...ofStore, 'cut'],
  fetch: [...ofStore, 'cut', 'io', 'full', 'raced'],
  apply: [...ofDisk, 'full', 'denied'],
  journal: ['killed', 'power-cut'],
  heartbeat: [...ofStore, 'cut'],
  housekeep: ofStore,
  snapshot: ofStore,
  bootstrap: [...ofStore, 'cut'],
  restore: ofStore,
  verify: [...ofStore, 'cut'],
};

/** What is seldom done meets faults the more often, so that few runs are enough to see each of them there. */
export function oftenAt(step: Step): number {
  return ({ housekeep: 5, snapshot: 10, bootstrap: 6, restore: 12, verify: 2, open: 2 } as Partial<Record<Step, number>>)[step] ?? 1;
}

/** How often each fault met each step. */
export class Coverage {
  readonly #counts = new Map<string, number>();

  hit(fault: Fault, step: Step, times = 1): void {
    const key = `${fault} ${step}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + times);
  }

  count(fault: Fault, step: Step): number {
    return this.#counts.get(`${fault} ${step}`) ?? 0;
  }

  of(fault: Fault): number {
    return steps.reduce((sum, step) => sum + this.count(fault, step), 0);
  }

  add(counts: Readonly<Record<string, number>>): void {
    for (const [key, times] of Object.entries(counts)) {
      const [fault, step] = key.split(' ') as [Fault, Step];
      this.hit(fault, step, times);
    }
  }

  toJSON(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  /** Cells that can fire and never did. */
  missing(): string[] {
    return steps.flatMap((step) => possible[step].filter((fault) => this.count(fault, step) === 0).map((fault) => `${fault} × ${step}`));
  }

  /** As a table of Markdown; `·` where the fault cannot meet the step. */
  table(): string {
    const cell = (fault: Fault, step: Step) => {
      const count = this.count(fault, step);
      return count === 0 && !possible[step].includes(fault) ? '·' : String(count);
    };
    const rows = steps.map((step) => `| ${step} | ${faults.map((fault) => cell(fault, step)).join(' | ')} |`);
    return [`| step | ${faults.join(' | ')} |`, `|---|${faults.map(() => '--:').join('|')}|`, ...rows].join('\n');
  }
}
