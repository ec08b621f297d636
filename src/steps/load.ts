import type { SnapshotHead } from '../model/snapshot.ts';
import type { ScratchFile } from '../ports/scratch.ts';

/** A whole snapshot on this disk, verified: own hash, order, counts, tree and digest. It lives as long as its scratch room. */
export interface FetchedSnapshot {
  readonly head: SnapshotHead;
  readonly file: ScratchFile;
  /** Gives the scratch room back. */
  remove(): void;
}

/** `reason` is one clause for people; `newer` asks for an upgrade (rule L7) and is no damage. */
export type SnapshotFetch =
  | { readonly ok: true; readonly snapshot: FetchedSnapshot }
  | { readonly ok: false; readonly newer: boolean; readonly reason: string };
