import type { FileEntry, Hash, Sequence } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import type { InlineBlob } from '../../model/record.ts';
import type { ContentCodec } from '../../ports/codec.ts';
import type { Datastore } from '../../ports/datastore.ts';
import type { DiskMetadata, ShareTree, Staged } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import type { Journal } from '../../ports/journal.ts';

/** A file that has to be staged: its entry, where it will stand, and the metadata that it gets on this disk. */
export interface StageRequest {
  readonly path: BytePath;
  readonly entry: FileEntry;
  readonly metadata: DiskMetadata;
}

/** - unfetchable: no location gave the right bytes; `missing` names them. - full: no room. - refused: another disk fault. */
export type StageResult =
  | { readonly ok: true; readonly request: StageRequest; readonly staged: Staged }
  | {
      readonly ok: false;
      readonly request: StageRequest;
      readonly reason: 'unfetchable' | 'full' | 'refused';
      readonly detail: string;
      readonly missing: readonly Hash[];
    };

export interface FetchPorts {
  readonly datastore: Datastore;
  readonly journal: Journal;
  readonly tree: ShareTree;
  readonly codec: ContentCodec;
  /** Inline contents of a record that was ingested before. */
  readonly inlineOf: (sequence: Sequence) => Promise<readonly InlineBlob[]>;
  readonly onBytes: (bytes: number) => void;
  /** True where a large file is to be left, although so many bytes of it would have to be fetched again. */
  readonly givesUp: (bytes: number) => boolean;
}

export function unfetchable(request: StageRequest, missing: readonly Hash[], detail: string): StageResult {
  return { ok: false, request, reason: 'unfetchable', detail, missing };
}

/** Trouble with this file's place on the disk; anything else is not this file's alone and goes up. */
export function failed(request: StageRequest, error: unknown): StageResult {
  if (!(error instanceof DiskFault)) throw error;
  return { ok: false, request, reason: error.code === 'full' ? 'full' : 'refused', detail: error.message, missing: [] };
}
