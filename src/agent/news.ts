import { ancestorsOf, type BytePath } from '../model/path.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { ApplyItem, Plan } from '../steps/plan.ts';
import { judge } from '../steps/pull.ts';
import type { Cycle } from './context.ts';
import { pollNext, position } from './ingest.ts';

/** What is worth interrupting the rest for: it is applied within seconds. */
const smallBytesMax = 64 * 1024 * 1024;
const smallPathsMax = 1000;
const pauseMs = 500;

/**
 * While much comes in, the log is asked for more: a small change that others make meanwhile is not to wait for the rest. `onNews` is called
 * again and again once there is one, until the signal aborts. Trouble with the store is for the apply to meet.
 */
export async function listenForNews(cycle: Cycle, onNews: () => void, signal: AbortSignal): Promise<void> {
  const { time } = cycle.ports;
  for (let found = false; ; ) {
    const beforeMs = time.monotonicMs();
    await time.sleep(pauseMs, signal);
    if (signal.aborted || time.monotonicMs() <= beforeMs) return;
    try {
      if (!found && (await pollNext(cycle))) {
        if (!isSmallNext(cycle)) return;
        found = true;
      }
    } catch (error) {
      if (!(error instanceof DatastoreFault)) throw error;
    }
    if (found) onNews();
  }
}

function isSmallNext(cycle: Cycle): boolean {
  const { polled } = cycle.memory;
  const offer = polled === null ? null : judge(polled.fetched, position(cycle), cycle.inForce.limits, false);
  if (offer?.offer !== 'fits' || offer.payload.kind !== 'changes') return false;
  const { changes } = offer.payload;
  const sizes = changes.map((change) => (change.op === 'put' && change.entry.kind === 'file' ? change.entry.size : 0));
  return changes.length <= smallPathsMax && sizes.reduce((sum, size) => sum + size, 0) <= smallBytesMax;
}

/** Part of what a plan applies. */
export type Part = Pick<Plan, 'applies' | 'newFiles'>;

/**
 * What came after `since`, where that is little, and the rest. Only what needs nothing else of the plan goes first: no links (rule P4),
 * nothing that has to give way to another kind, and nothing in a new directory that is to appear with all that it holds.
 */
export function newsFirst(cycle: Cycle, { applies, newFiles }: Part, since: number | null): readonly Part[] {
  const paths = since === null ? null : smallNews(cycle, since);
  if (paths === null) return [{ applies, newFiles }];
  const coming = new Set(
    applies.flatMap((item) => (item.entry?.kind === 'dir' && !(paths.has(item.path) && isPlain(item)) ? [item.path] : [])),
  );
  const isOpen = ({ path }: { readonly path: BytePath }) => paths.has(path) && !ancestorsOf(path).some((above) => coming.has(above));
  const isFirst = (item: ApplyItem) => isOpen(item) && isPlain(item);
  const first = { applies: applies.filter(isFirst), newFiles: newFiles.filter(isOpen) };
  const rest = { applies: applies.filter((item) => !isFirst(item)), newFiles: newFiles.filter((file) => !isOpen(file)) };
  return [first, rest].filter((part) => part.applies.length + part.newFiles.length > 0);
}

function smallNews({ ports: { journal }, cursor }: Cycle, since: number): ReadonlySet<BytePath> | null {
  const paths = new Set<BytePath>();
  let bytes = 0;
  for (let sequence = since + 1; sequence <= cursor; sequence++) {
    for (const { path, k, entry } of journal.versionsOf(sequence)) {
      if (k > 0) continue;
      paths.add(path);
      bytes += entry?.kind === 'file' ? entry.size : 0;
      if (paths.size > smallPathsMax || bytes > smallBytesMax) return null;
    }
  }
  return paths.size === 0 ? null : paths;
}

function isPlain({ entry, expected }: ApplyItem): boolean {
  if (entry === null) return expected !== null && expected.kind !== 'dir';
  return entry.kind !== 'link' && (expected === null || expected.kind === entry.kind);
}
