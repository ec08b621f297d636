import { toText } from '../model/path.ts';
import { DiskFault } from '../ports/filesystem.ts';
import type { Cycle } from './context.ts';
import { sureNowMs } from './sure-time.ts';

/**
 * Rule H4: the trash goes by age, by the bucket's clock; what is still owed to the log never does. Says before what it removes. Throws
 * DatastoreFault.
 */
export async function pruneTrash(cycle: Cycle, tell: (subject: string, reason: string) => void = () => {}): Promise<void> {
  const { journal, tree } = cycle.ports;
  const olderThan = (nowMs: number) => journal.trashBefore(nowMs - cycle.config.trashMs);
  if (olderThan(cycle.bucketNowMs()).length === 0) return;
  for (const { name, path } of olderThan(await sureNowMs(cycle))) {
    tell(`${cycle.share}: trash`, `the former ${toText(path)} is older than the trash keeps it`);
    if (cycle.options.dryRun) continue;
    try {
      tree.removeFromTrash(name);
    } catch (error) {
      if (!(error instanceof DiskFault)) throw error;
      if (error.code !== 'absent') continue;
    }
    journal.dropTrash(name);
  }
}
