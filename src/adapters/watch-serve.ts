import type { WholeReason } from '../ports/watch.ts';
import { Pulse } from './watch-pulse.ts';
import { type Gathered, TreeWatch } from './watch-tree.ts';

/** What is told of one tree waits for so long after what was told before, ms: a burst is told in few words. */
const tellPauseMs = 20;

export type WatchRequest =
  | {
      readonly ask: 'watch';
      readonly id: number;
      readonly root: string;
      readonly exclude: readonly string[];
      readonly reason: WholeReason;
    }
  | { readonly ask: 'unwatch'; readonly id: number }
  /** The last report was read; the next one may come. */
  | { readonly ask: 'more'; readonly id: number };

export interface WatchReport extends Gathered {
  readonly id: number;
}

interface Served {
  readonly tree: TreeWatch;
  /** A report is on its way to somebody who has not read it: what comes meanwhile gathers. */
  told: boolean;
  toldAtMs: number;
  timer: NodeJS.Timeout | null;
}

/** Watches trees as it is asked to, and tells each time what has gathered. Returns what takes the requests. */
export function serveWatches(tell: (report: WatchReport) => void): (request: WatchRequest) => void {
  const pulse = new Pulse();
  const served = new Map<number, Served>();

  const tellSoon = (id: number): void => {
    const one = served.get(id);
    if (one === undefined || one.told || one.timer !== null || !one.tree.hasNews) return;
    const leftMs = one.toldAtMs + tellPauseMs - performance.now();
    if (leftMs > 0) one.timer = setTimeout(() => tellNow(id, one), leftMs);
    else tellNow(id, one);
  };
  const tellNow = (id: number, one: Served): void => {
    one.timer = null;
    one.told = true;
    one.toldAtMs = performance.now();
    tell({ id, ...one.tree.take() });
  };
  const watch = ({ id, root, exclude, reason }: Extract<WatchRequest, { ask: 'watch' }>): void => {
    const tree = new TreeWatch({ root, exclude, reason, pulse, onNews: () => tellSoon(id) });
    served.set(id, { tree, told: false, toldAtMs: Number.NEGATIVE_INFINITY, timer: null });
  };
  const unwatch = (id: number): void => {
    const one = served.get(id);
    served.delete(id);
    if (one?.timer) clearTimeout(one.timer);
    one?.tree.close();
  };
  const more = (id: number): void => {
    const one = served.get(id);
    if (one !== undefined) one.told = false;
    tellSoon(id);
  };
  return (request) => {
    if (request.ask === 'watch') watch(request);
    else if (request.ask === 'unwatch') unwatch(request.id);
    else more(request.id);
  };
}
