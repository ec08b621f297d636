import type { Sequence } from '../model/entry.ts';
import type { Location } from './journal-rows.ts';

/** A pack that stands in the bucket. */
export interface ListedPack {
  readonly id: string;
  readonly bytes: number;
}

/** What the index of contents says of one pack that the bucket lists. */
export interface PackIndex {
  readonly id: string;
  /** Stored bytes of live contents whose home it is: where a content lies in several listed packs, the one with least garbage is its home. */
  readonly homeBytes: number;
}

/** What leaves the journal after its retention, and which contents of the bucket somebody still needs. */
export interface HousekeepingJournal {
  /**
   * Drops versions whose retention ended before `cutoffMs` (bucket time; rule H2): superseded ones by the record that superseded them,
   * deletions and kept losers by their own. What is live never goes. Returns how many went.
   */
  pruneVersions(cutoffMs: number): number;
  /** Drops the rows of records below `below` that are older than `beforeMs`; returns how many went. */
  pruneRecords(beforeMs: number, below: Sequence): number;
  /** Forgets that contents lie inline in records below `below`, which are gone; returns how many. */
  dropInlineLocations(below: Sequence): number;
  /** Forgets what was retired, and own uploads that no record names, before these bucket times. */
  forgetObjects(retiredBeforeMs: number, uploadedBeforeMs: number): void;

  /**
   * Collects which contents any retained version, or this disk, still needs, and which of the listed packs is the home of each.
   * The answers below are about this collection, which lasts until the next one; it lies in temporary tables.
   */
  weighContents(listedPacks: readonly ListedPack[]): void;
  /** Packs that some location names, listed or not, with what of the collection is at home there. */
  packIndex(): PackIndex[];
  /** Contents at home in a pack, by offset. */
  homeIn(pack: string): Location[];
  /** Live contents that lie in no listed pack and inline in no record behind `upTo`: the newest place of each, by record, at most `limit`. */
  homelessInline(upTo: Sequence, limit: number): Location[];

  /** A record behind this one did more than to announce a snapshot or to retire objects. */
  changedSince(sequence: Sequence): boolean;
  /** Bucket time of the newest record that announced a snapshot or retired something, ms; 0 without one. */
  lastCareMs(): number;
  /** Body objects by id, with the record that each belongs to. */
  bodies(): ReadonlyMap<string, Sequence>;
  /** Numbers from `from` on of known records that may have a body without this journal knowing its id: bad and given-up ones. */
  opaqueFrom(from: Sequence): Sequence[];
}
