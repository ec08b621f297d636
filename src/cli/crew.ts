import type { World } from '../compose.ts';
import type { Watcher } from '../ports/watch.ts';
import type { Output } from './output.ts';

/** What all shares of one daemon have in common. */
export interface Crew {
  readonly world: World;
  readonly output: Output;
  /** Lets only so many cycles through at once: each may hold some packs in memory. */
  through<T>(run: () => Promise<T>): Promise<T>;
  /** Lets one verification through at a time. */
  examining<T>(run: () => Promise<T>): Promise<T>;
  /** True where one bell is polled for all shares. */
  hasBell(): boolean;
  /** Watches the directories of lightweight shares; opened with the first of them. */
  watcher(): Watcher;
}
