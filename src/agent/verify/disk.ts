import { contentHasher } from '../../model/digest.ts';
import type { FileEntry, Hash } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import { flaw, pathFlaw } from '../../model/verify.ts';
import { DiskFault, type PreciseStat } from '../../ports/filesystem.ts';
import type { Agreed } from '../../ports/journal.ts';
import { sameLook } from '../../steps/collate/finding.ts';
import type { Cycle } from '../context.ts';
import { isChosen, type Survey } from './survey.ts';

const pageRows = 500;
const readBytes = 4 * 1024 * 1024;
const pauseBytes = 32 * 1024 * 1024;

/**
 * Reads every file that disk and log have agreed on and that still looks as it did then: other bytes behind the same look are no edit,
 * they are a disk that has lost them. What looks otherwise is left to the next cycle.
 */
export async function examineDisk(survey: Survey): Promise<void> {
  const { cycle, counts, options } = survey;
  const { journal, tree, onProgress } = cycle.ports;
  const { files: filesTotal, bytes: bytesTotal } = journal.agreedCount();
  const root = tree.rootState();
  if (root.state !== 'present') {
    if (filesTotal > 0) survey.flaws.push(flaw('root-away', cycle.config.path, `the root cannot be read: ${root.message}`, rootRemedy));
    return;
  }
  const among = options.among === null ? null : new Set(options.among);
  for (let paths = journal.agreedFilesAfter('', pageRows); paths.length > 0; ) {
    for (const path of paths) {
      if (cycle.options.signal.aborted) return;
      const agreed = journal.agreed(path);
      if (agreed?.entry.kind !== 'file' || (among !== null && !among.has(agreed.entry.hash))) continue;
      counts.files++;
      if (isChosen(survey)) await examineFile(survey, agreed, agreed.entry);
      onProgress({ phase: 'reading files', filesDone: counts.files, filesTotal, bytesDone: counts.fileBytesRead, bytesTotal });
    }
    paths = journal.agreedFilesAfter(paths.at(-1) as BytePath, pageRows);
  }
}

const rootRemedy = 'Mount it, or restore it; nothing is deleted elsewhere meanwhile. A root that is gone for good: flocksync forget SHARE.';

async function examineFile(survey: Survey, agreed: Agreed, entry: FileEntry): Promise<void> {
  const { cycle, counts, flaws } = survey;
  const found = await readAsAgreed(cycle, agreed);
  const isRot = found.read === 'hash' && found.hash !== entry.hash;
  // Within the clock's tick of its last change a file may have changed again and look the same.
  if (found.read === 'changed' || (isRot && agreed.stamp?.racy === true)) counts.filesChanged++;
  else if (found.read === 'unreadable') {
    const text = `cannot be read (${found.message})`;
    flaws.push(pathFlaw('file-unreadable', agreed.path, text, 'Make it readable for the user that runs flocksync; look at the disk.'));
  } else {
    counts.filesRead++;
    counts.fileBytesRead += entry.size;
    const text = 'has other content than it had, though nothing seems to have written to it';
    if (isRot) flaws.push(pathFlaw('bit-rot', agreed.path, text, rotRemedy(cycle)));
  }
}

function rotRemedy({ config: { role } }: Cycle): string {
  const wear = 'Look at the disk (SMART, dmesg).';
  if (role === 'publisher')
    return `A publisher takes nothing from the bucket: restore the file from a backup or from another member. ${wear}`;
  return `--repair puts the right content in its place; what stands there goes to the trash. ${wear}`;
}

/** `changed`: gone, or another look than the agreed one. */
export type AsAgreed =
  | { readonly read: 'hash'; readonly hash: Hash }
  | { readonly read: 'changed' }
  | { readonly read: 'unreadable'; readonly message: string };

/** Hash of a file whose look before and after is the one that the journal has. */
export async function readAsAgreed(cycle: Cycle, { path, stamp }: Agreed): Promise<AsAgreed> {
  if (stamp === null) return { read: 'changed' };
  const looksAgreed = (stat: PreciseStat) => sameLook(stat, { ...stat, ...stamp, kind: 'file' });
  try {
    const seen = cycle.ports.tree.look(path);
    if (seen === null || !looksAgreed(seen)) return { read: 'changed' };
    const file = cycle.ports.tree.open(path);
    try {
      if (!looksAgreed(file.before)) return { read: 'changed' };
      const hash = await hashAll(cycle, file);
      return looksAgreed(file.now()) ? { read: 'hash', hash } : { read: 'changed' };
    } finally {
      file.close();
    }
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    if (error.code === 'absent' || error.code === 'not-directory') return { read: 'changed' };
    return { read: 'unreadable', message: error.message };
  }
}

async function hashAll({ ports: { time } }: Cycle, file: { read(buffer: Buffer): number; readonly before: PreciseStat }): Promise<Hash> {
  const hash = contentHasher();
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(readBytes, file.before.size)));
  let total = 0;
  for (let length = file.read(buffer); length > 0; length = file.read(buffer)) {
    hash.update(buffer.subarray(0, length));
    if (Math.floor((total + length) / pauseBytes) > Math.floor(total / pauseBytes)) await time.sleep(0);
    total += length;
  }
  return hash.digest();
}
