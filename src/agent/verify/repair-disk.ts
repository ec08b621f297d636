import type { FileEntry } from '../../model/entry.ts';
import type { Agreed } from '../../ports/journal.ts';
import type { Cycle } from '../context.ts';
import { readAsAgreed } from './disk.ts';
import { flawsOf, type Repair } from './under-way.ts';

/**
 * A file whose disk has lost its content: what stands there becomes the base that the log has moved on from, so that the ordinary apply
 * fetches the right content and moves the other one to the trash. Returns how many wait for that.
 */
export async function repairDisk({ cycle, examined, touched, done }: Repair): Promise<number> {
  const { config, ports } = cycle;
  const flaws = flawsOf(examined, 'bit-rot');
  for (const { path } of flawsOf(examined, 'bit-rot', 'file-unreadable')) {
    const entry = path === null ? null : ports.journal.agreed(path)?.entry;
    if (entry?.kind === 'file') touched.add(entry.hash);
  }
  if (flaws.length === 0 || config.role === 'publisher' || !cycle.canApply) return 0;
  // Whoever writes through a mapping of the file is given the time to show it.
  await ports.time.sleep(config.settleMs, cycle.options.signal);
  let count = 0;
  for (const { path } of flaws) {
    const agreed = path === null ? null : ports.journal.agreed(path);
    if (agreed?.entry.kind !== 'file') continue;
    const found = await readAsAgreed(cycle, agreed);
    if (found.read !== 'hash' || found.hash === agreed.entry.hash) continue;
    wantAgain(cycle, agreed, agreed.entry, found.hash);
    count++;
  }
  if (count > 0) done.push(count === 1 ? '1 file is fetched again' : `${count} files are fetched again`);
  return count;
}

function wantAgain(cycle: Cycle, agreed: Agreed, entry: FileEntry, hash: string): void {
  const { journal } = cycle.ports;
  const { path, version } = agreed;
  journal.transaction(() => {
    journal.putAgreed({ ...agreed, entry: { ...entry, hash, chunks: null } });
    if (journal.want(path) !== null) return;
    journal.putWant({ path, entry, version, atMs: cycle.bucketNowMs(), approved: false, reason: 'pending', detail: '', attempts: 0 });
  });
}
