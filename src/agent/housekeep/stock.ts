import type { Sequence } from '../../model/entry.ts';
import { deletableRecords, fateOf, type PackFate, ripe } from '../../model/housekeeping.ts';
import type { ChunkLocation } from '../../model/record.ts';
import type { ListedPack } from '../../ports/journal-housekeeping.ts';
import type { SnapshotRow } from '../../ports/journal-snapshot.ts';
import type { Survey } from '../../steps/survey.ts';
import type { Care } from './care.ts';

/** A pack of the bucket, as far as housekeeping looks at it. */
export interface StockedPack {
  readonly id: string;
  readonly bytes: number;
  readonly fate: PackFate;
}

/**
 * What the bucket held when it was listed, judged by the log as this member knows it now. Objects that came later are not in it, so
 * nothing is decided about them.
 */
export class Stock {
  readonly listed: Survey;
  /** Snapshots that were read and cannot be used, by id, with the reason. */
  readonly damaged = new Map<string, string>();
  private readonly care: Care;
  private weighedAt = -1;
  /** Packs that this housekeeping has written, and records that it has deleted: the listing is older. */
  private readonly moved = new Map<string, ListedPack>();
  private readonly gone = new Set<Sequence>();
  /** The ripe snapshot that was read back: nothing goes for one that became ripe after that. */
  private proved: SnapshotRow | null = null;

  constructor(care: Care, listed: Survey) {
    this.care = care;
    this.listed = listed;
  }

  /** Which contents are needed, and where they are at home, by the fold as it is now. */
  weigh(): void {
    const { journal } = this.care.cycle.ports;
    if (this.weighedAt === this.care.cycle.cursor) return;
    const listed = [...this.listed.packs].map(([id, { size }]) => ({ id, bytes: size }));
    journal.weighContents([...listed, ...this.moved.values()]);
    this.weighedAt = this.care.cycle.cursor;
  }

  noteProved(snapshot: SnapshotRow): void {
    this.proved = snapshot;
  }

  noteGone(sequence: Sequence): void {
    this.gone.add(sequence);
  }

  /** Records of the listing that still stand, ascending. */
  log(): Sequence[] {
    return this.listed.log.filter((sequence) => !this.gone.has(sequence));
  }

  noteMoved(locations: readonly ChunkLocation[]): void {
    for (const { pack: id, offset, length } of locations) {
      const bytes = Math.max(this.moved.get(id)?.bytes ?? 0, offset + length);
      this.moved.set(id, { id, bytes });
    }
    this.weighedAt = -1;
  }

  packs(): StockedPack[] {
    this.weigh();
    const { journal } = this.care.cycle.ports;
    const index = new Map(journal.packIndex().map(({ id, homeBytes }) => [id, homeBytes]));
    return [...this.listed.packs].map(([id, { size, modifiedMs }]) => {
      const use = { id, bytes: size, modifiedMs, indexed: index.has(id), homeBytes: index.get(id) ?? 0 };
      return { id, bytes: size, fate: fateOf(use, this.care.ages, this.care.nowMs) };
    });
  }

  retired(): ReadonlyMap<string, number> {
    return new Map(this.care.cycle.ports.journal.retired().map(({ kind, id, atMs }) => [`${kind} ${id}`, atMs]));
  }

  /** The snapshot up to which records may go; null also when somebody has retired it since it was read back. */
  ripe(): SnapshotRow | null {
    const snapshots = this.care.cycle.ports.journal.snapshots();
    const found = this.proved ?? ripe(snapshots, this.care.ages, this.care.nowMs);
    return snapshots.find(({ id }) => id === found?.id) ?? null;
  }

  /** Records that may be deleted now, ascending (rule L6). */
  deletable(): Sequence[] {
    const covering = this.ripe();
    if (covering === null) return [];
    this.weigh();
    const [sole] = this.care.cycle.ports.journal.homelessInline(covering.upTo, 1);
    const bounds = { coveredUpTo: covering.upTo, head: this.care.head, soleFrom: sole?.record ?? null };
    return deletableRecords(this.log(), bounds);
  }

  /** Bodies whose records are not in the log, or are about to leave it, or were never written. */
  deadBodies(leaving: readonly Sequence[]): { readonly id: string; readonly reason: string }[] {
    const { journal } = this.care.cycle.ports;
    const owners = journal.bodies();
    const going = new Set(leaving);
    const standing = new Set(this.log().filter((sequence) => !going.has(sequence)));
    const unknown = this.hasOpaque(standing);
    return [...this.listed.bodies].flatMap(([id, { modifiedMs }]) => {
      const owner = owners.get(id);
      if (owner !== undefined) return standing.has(owner) || owner > this.lastListed ? [] : [{ id, reason: `record ${owner} goes` }];
      const old = this.care.nowMs - modifiedMs >= this.care.ages.unreferencedMs;
      return old && !unknown ? [{ id, reason: 'no record names it' }] : [];
    });
  }

  private get lastListed(): Sequence {
    return this.listed.log.at(-1) ?? 0;
  }

  /** A record whose body this journal does not know may own any body: none of them is a stray then. */
  private hasOpaque(standing: ReadonlySet<Sequence>): boolean {
    const { journal } = this.care.cycle.ports;
    for (const sequence of standing) if (sequence <= this.care.cycle.cursor && journal.record(sequence) === null) return true;
    return journal.opaqueFrom(1).some((sequence) => standing.has(sequence));
  }
}
