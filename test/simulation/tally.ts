import { Coverage, type Fault, faults } from './coverage.ts';
import type { SimulationResult } from './world.ts';

/** What many seeds came to together. */
export class Tally {
  readonly coverage = new Coverage();
  seeds = 0;
  violations = 0;
  readonly #events: number[] = [];
  readonly #members: number[] = [];
  readonly #troubles: Record<string, number> = {};
  readonly #sums = { operations: 0, records: 0, processes: 0, cycles: 0, clean: 0, approvals: 0 };

  add({ events, members, operations, records, counts, coverage, troubles, violation }: SimulationResult): void {
    this.seeds++;
    this.violations += violation === null ? 0 : 1;
    this.#events.push(events);
    this.#members.push(members);
    this.#sums.operations += operations;
    this.#sums.records += records;
    for (const name of ['processes', 'cycles', 'clean', 'approvals'] as const) this.#sums[name] += counts[name];
    for (const [name, times] of Object.entries(troubles)) this.#troubles[name] = (this.#troubles[name] ?? 0) + times;
    this.coverage.add(coverage instanceof Coverage ? coverage.toJSON() : coverage);
  }

  get medianEvents(): number {
    return median(this.#events);
  }

  get medianMembers(): number {
    return median(this.#members);
  }

  /** How often calls met each fault, wherever. */
  met(): (readonly [Fault, number])[] {
    return faults.map((fault) => [fault, this.coverage.of(fault)] as const);
  }

  text(seconds: number): string {
    const { operations, records, processes, cycles, clean } = this.#sums;
    const events = this.#events.reduce((sum, each) => sum + each, 0);
    const number = (value: number) => value.toLocaleString('en-GB');
    const met = this.met()
      .map(([fault, times]) => `${fault} ${number(times)}`)
      .join(', ');
    const befell = Object.entries(this.#troubles)
      .sort()
      .map(([name, times]) => `${name} ${number(times)}`);
    return [
      `${number(this.seeds)} seeds in ${number(seconds)} s, ${number(this.violations)} with a broken promise`,
      `${number(events)} events (median ${number(this.medianEvents)} a seed, ${this.medianMembers} members), ${number(operations)} operations of users, ${number(records)} records`,
      `${number(processes)} processes, ${number(cycles)} cycles, ${number(clean)} of them without any problem`,
      `faults met by calls: ${met}`,
      `what befell servers and bucket: ${befell.join(', ')}`,
      '',
      this.coverage.table(),
    ].join('\n');
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
