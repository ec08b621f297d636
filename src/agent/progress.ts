import type { FileEntry } from '../model/entry.ts';
import { chunksOf } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { Source } from '../steps/store.ts';
import type { Cycle, Ports } from './context.ts';

/** Hands on what is stored for a record, told as progress: a source counts once the next one is asked for. */
export function* packing(cycle: Cycle, sources: readonly Source[]): Generator<Source> {
  const tell = teller(
    cycle.ports.onProgress,
    'publishing',
    sources.map(({ entry }) => entry),
  );
  for (const source of sources) {
    yield source;
    tell(1, source.entry.size);
  }
}

/** Large files go one after the other in the background, and more may come while one is under way. */
export function noteUpload({ memory, ports }: Cycle, path: BytePath, entry: FileEntry): void {
  const since = { atMs: ports.time.wallMs(), files: 0, bytes: 0 };
  if (memory.uploads.size === 0) memory.uploading = { filesDone: 0, filesTotal: 0, bytesDone: 0, bytesTotal: 0, since };
  if (!memory.uploads.has(path)) memory.uploading.filesTotal++;
  memory.uploading.bytesTotal += chunksOf(entry).reduce((sum, { size }) => sum + size, 0);
  // Over a narrow link the first part takes minutes, in which nobody should be told of what was done before.
  ports.onProgress({ phase: 'uploading', ...memory.uploading });
}

export function noteUploaded(cycle: Cycle, files: number, bytes: number): void {
  const { uploading } = cycle.memory;
  uploading.filesDone += files;
  uploading.bytesDone += bytes;
  cycle.ports.onProgress({ phase: 'uploading', ...uploading });
}

/** At the end of a cycle: what it did is over, what goes on behind it is not. */
export function tellWhatGoesOn({ memory, ports }: Cycle): void {
  if (memory.uploads.size === 0) memory.doing = null;
  else ports.onProgress({ phase: 'uploading', ...memory.uploading });
}

/** `tell(files, bytes)` adds to what is done of all these files. */
export function teller(
  onProgress: Ports['onProgress'],
  phase: string,
  entries: readonly { readonly size: number }[],
): (files: number, bytes: number) => void {
  const filesTotal = entries.length;
  const bytesTotal = entries.reduce((sum, { size }) => sum + size, 0);
  let filesDone = 0;
  let bytesDone = 0;
  return (files, bytes) => {
    filesDone += files;
    bytesDone += bytes;
    onProgress({ phase, filesDone, bytesDone, filesTotal, bytesTotal });
  };
}
