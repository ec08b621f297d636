import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the soak did and met: a line for each thing with its time, numbers, and what may not be. */
export class Diary {
  readonly #file: string;
  readonly #startedMs = performance.now();
  readonly counts = new Map<string, number>();
  readonly violations: string[] = [];

  constructor(directory: string) {
    this.#file = join(directory, 'diary.log');
  }

  note(line: string): void {
    appendFileSync(this.#file, `${((performance.now() - this.#startedMs) / 1000).toFixed(3).padStart(9)} ${line}\n`);
  }

  count(what: string, times = 1): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + times);
  }

  of(what: string): number {
    return this.counts.get(what) ?? 0;
  }

  /** A promise was broken; the soak goes on, so that more can be seen. */
  violation(line: string): void {
    if (this.violations.includes(line)) return;
    this.violations.push(line);
    this.note(`VIOLATION ${line}`);
  }

  /** All counts whose name begins so, without that beginning, the largest first. */
  table(beginning: string): [string, number][] {
    const found = [...this.counts].filter(([name]) => name.startsWith(beginning));
    return found.map(([name, times]): [string, number] => [name.slice(beginning.length), times]).sort((a, b) => b[1] - a[1]);
  }
}
