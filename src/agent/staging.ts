import type { NewFile } from '../model/apply-order.ts';
import { sameContent } from '../model/entry.ts';
import type { StageRequest, StageResult } from '../steps/fetch/request.ts';
import { fetchContents } from '../steps/fetch.ts';
import type { ApplyItem } from '../steps/plan.ts';
import { fetchPorts } from './content.ts';
import type { Cycle } from './context.ts';
import { teller } from './progress.ts';
import { ofWholeCycle, tellOthers } from './replay.ts';

/** Stages the contents of `items` and `newFiles`, told as progress of all that they need: files and bytes, whether from the bucket or from this disk. */
export function stagingOf(
  cycle: Cycle,
  items: readonly ApplyItem[],
  newFiles: readonly NewFile[] = [],
): (requests: readonly StageRequest[]) => AsyncIterable<readonly StageResult[]> {
  const changed = items.flatMap(({ entry, standing }) => (entry?.kind === 'file' && !sameContent(standing, entry) ? [entry] : []));
  const needed = [...changed, ...newFiles];
  const tell = teller(ofWholeCycle(cycle, cycle.ports.onProgress), 'fetching', needed);
  // The speed counts from here on.
  if (needed.length > 0) tell(0, 0);
  return async function* (requests) {
    const ports = fetchPorts(cycle);
    const onBytes = (bytes: number) => {
      ports.onBytes(bytes);
      tell(0, bytes);
    };
    for await (const results of fetchContents({ ...ports, onBytes }, cycle.share, requests)) {
      tell(results.length, 0);
      await tellOthers(cycle);
      yield results;
    }
  };
}
