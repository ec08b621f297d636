import { DiskFault } from '../ports/filesystem.ts';
import type { Cycle } from './context.ts';

/** Rule H4: the trash goes by age, by the bucket's clock; what is still owed to the log never does. */
export function pruneTrash(cycle: Cycle): void {
  const { journal, tree } = cycle.ports;
  for (const { name } of journal.trashBefore(cycle.bucketNowMs() - cycle.config.trashMs)) {
    try {
      tree.removeFromTrash(name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (error.code !== 'absent') continue;
    }
    journal.dropTrash(name);
  }
}
