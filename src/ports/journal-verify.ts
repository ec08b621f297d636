import type { Entry, Hash, Sequence } from '../model/entry.ts';
import type { BytePath } from '../model/path.ts';
import type { Location } from './journal-rows.ts';

/** A pack as the index of locations describes it, as far as a retained version needs it. */
export interface PlannedPack {
  readonly pack: string;
  /** Contents in it that a retained version names. */
  readonly contents: number;
  /** Their bytes as stored. */
  readonly bytes: number;
  /** One past the last byte that is needed. */
  readonly end: number;
}

/** A version that needs a content which no place delivers. */
export interface Bereft {
  readonly path: BytePath;
  readonly version: Sequence;
  /** As in VersionRow: above 0 for a kept loser. */
  readonly k: number;
  /** What the log says now, not an older version. */
  readonly live: boolean;
  readonly hash: Hash;
}

/** Ids that the journal knows of objects of each kind. */
export interface KnownObjects {
  /** Named by a location, or uploaded by this member and in no record yet. */
  readonly packs: ReadonlySet<string>;
  /** Of records that the journal still has rows of. */
  readonly bodies: ReadonlySet<string>;
}

/**
 * What `verify` asks: which contents the retained versions need, and where each is said to lie. The question is answered in temporary
 * tables, so that it costs no memory and changes nothing that lasts.
 */
export interface VerifyJournal {
  /**
   * Collects what versions need that live on or were superseded, or kept, at `cutoffMs` (bucket time) or later; only the contents
   * `among`, where that is given. Replaces an earlier collection.
   */
  planVerify(cutoffMs: number, among: readonly Hash[] | null): { readonly contents: number; readonly bytes: number };
  /** Packs of the collection, by id. */
  plannedPacks(): PlannedPack[];
  /** What is needed of one pack, by offset. */
  plannedIn(pack: string): Location[];
  /** Records that hold what is needed inline, ascending. */
  plannedRecords(): Sequence[];
  plannedInline(record: Sequence): Location[];
  /** These contents have a place that delivers them. */
  markSound(hashes: readonly Hash[]): void;
  /** Contents without such a place, at most `limit`. */
  unsound(limit: number): { readonly count: number; readonly hashes: readonly Hash[] };
  /** How many of the needed contents in this pack are without one. */
  unsoundIn(pack: string): number;
  /** Versions that need one of them, live ones first, then in byte order of paths. */
  bereft(limit: number): { readonly count: number; readonly first: readonly Bereft[] };
  /** Contents of the collection that lie in these packs and nowhere else. */
  onlyInPacks(packs: readonly string[]): Hash[];
  endVerify(): void;

  knownObjects(): KnownObjects;
  /** Agreed files after the given path ('' = from the first) in byte order of (directory, name). */
  agreedFilesAfter(path: BytePath, limit: number): BytePath[];
  /** The live entries as the versions tell them, in byte order of paths: what the fold must equal. */
  liveVersionsAfter(path: BytePath, limit: number): { readonly path: BytePath; readonly entry: Entry }[];
}
