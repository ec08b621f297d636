import type { Hash, Sequence } from '../model/entry.ts';
import type { ShareFormat } from '../model/format.ts';
import type { FetchedSnapshot } from '../steps/load.ts';

export interface CompactOptions {
  readonly share: string;
  /** In force; its share id and limits judge the records. */
  readonly format: ShareFormat;
  /** An older snapshot, or this one again; null begins at record 1. It is not removed. */
  readonly base: FetchedSnapshot | null;
  /** At least 1 and not below the base's. */
  readonly upTo: Sequence;
  /** Bucket time before which superseded versions are left out, ms. */
  readonly cutoffMs: number;
  /** Objects that were retired before this bucket time are left out, ms. */
  readonly retiredFromMs: number;
  readonly signal: AbortSignal;
}

/**
 * - written: uploaded and read back; to be announced by a `snapshot` record. - gap: this record cannot be used, so nothing was written.
 * - stopped: the signal came; nothing was uploaded, or what was is an object that nobody refers to.
 */
export type Compaction =
  | {
      readonly outcome: 'written';
      readonly id: string;
      readonly upTo: Sequence;
      /** Of record `upTo`. */
      readonly hash: Hash;
      /** State digest at that record. */
      readonly digest: Hash;
      /** Of the object. */
      readonly bytes: number;
    }
  | { readonly outcome: 'gap'; readonly sequence: Sequence; readonly reason: string }
  | { readonly outcome: 'stopped' };
