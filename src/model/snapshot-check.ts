import { Malformed } from './checks.ts';
import { addDigest, type Digest, digestOf, digestToHex, emptyDigest } from './digest.ts';
import type { Hash, Sequence } from './entry.ts';
import { type BytePath, comparePaths, parentOf } from './path.ts';
import type {
  AnnouncedSnapshot,
  RetiredObject,
  SnapshotCounts,
  SnapshotItem,
  SnapshotLocation,
  SnapshotRecord,
  SnapshotVersion,
} from './snapshot.ts';

/** Bytes of a record's hash that the lineage holds. */
export const prefixBytes = 8;

/** What the items of a snapshot add up to. */
export interface SnapshotTally {
  readonly counts: SnapshotCounts;
  /** Of the live entries. */
  readonly digest: Hash;
}

/** Both calls throw Malformed at what no honest snapshot holds. */
export interface SnapshotCheck {
  take(item: SnapshotItem): void;
  finish(): SnapshotTally;
}

const order: readonly SnapshotItem['item'][] = ['lineage', 'record', 'version', 'location', 'snapshot', 'retired'];

/**
 * Looks at every item as it passes, when a snapshot is written and when it is read: order, numbers, that every live entry stands in live
 * directories. Its memory does not grow with the snapshot.
 */
export function snapshotCheck(upTo: Sequence, hash: Hash): SnapshotCheck {
  const counts = { records: 0, versions: 0, locations: 0, snapshots: 0, retired: 0 };
  const [lineage, records, versions] = [lineageCheck(upTo, hash), recordCheck(upTo, hash), versionCheck(upTo)];
  const [locations, snapshots, retired] = [locationCheck(upTo), announcedCheck(upTo), retiredCheck(upTo)];
  let reached = 0;
  const take = (item: SnapshotItem): void => {
    const place = order.indexOf(item.item);
    if (place < reached) throw new Malformed('lines are not in the order of their kinds');
    reached = place;
    switch (item.item) {
      case 'lineage':
        return lineage.take(item.prefixes);
      case 'record':
        counts.records++;
        return records.take(item.row);
      case 'version':
        counts.versions++;
        return versions.take(item.row);
      case 'location':
        counts.locations++;
        return locations(item.row);
      case 'snapshot':
        counts.snapshots++;
        return snapshots(item.row);
      case 'retired':
        counts.retired++;
        return retired(item.row);
    }
  };
  const finish = () => {
    lineage.finish();
    records.finish();
    return { counts, digest: digestToHex(versions.finish()) };
  };
  return { take, finish };
}

function lineageCheck(upTo: Sequence, hash: Hash) {
  let bytes = 0;
  let last = '';
  return {
    take: (prefixes: Buffer) => {
      if (prefixes.length === 0 || prefixes.length % prefixBytes !== 0) throw new Malformed('a piece of the lineage is cut off');
      bytes += prefixes.length;
      last = prefixes.toString('hex', prefixes.length - prefixBytes);
    },
    finish: () => {
      if (bytes !== upTo * prefixBytes) throw new Malformed('the lineage has not as many records as announced');
      if (!hash.startsWith(last)) throw new Malformed('the lineage does not end with the announced record');
    },
  };
}

function recordCheck(upTo: Sequence, hash: Hash) {
  let last: SnapshotRecord | null = null;
  return {
    take: (row: SnapshotRecord) => {
      if (last !== null && row.sequence !== last.sequence + 1) throw new Malformed('a record is missing or out of order');
      last = row;
    },
    finish: () => {
      if (last?.sequence !== upTo || last.hash !== hash) throw new Malformed('the records do not end with the announced one');
    },
  };
}

function versionCheck(upTo: Sequence) {
  const tree = treeCheck();
  let digest: Digest = emptyDigest;
  let last: SnapshotVersion | null = null;
  /** The newest change of the path that is being read. */
  let newest: SnapshotVersion | null = null;
  const settle = () => {
    if (newest === null || newest.entry === null) return;
    tree(newest.path, newest.entry.kind === 'dir');
    digest = addDigest(digest, digestOf(newest.path, newest.entry));
  };
  return {
    take: (row: SnapshotVersion) => {
      if (last !== null && compareVersions(last, row) >= 0) throw new Malformed('versions are not sorted');
      if (row.version > upTo || row.against > row.version) throw new Malformed('a version is newer than what it belongs to');
      if ((row.op === 'kept') !== row.k > 0) throw new Malformed('a version has a number that does not fit its kind');
      if ((row.op === 'delete') !== (row.entry === null)) throw new Malformed('an entry that does not fit its change');
      if (last?.path !== row.path) {
        settle();
        newest = null;
      }
      if (row.k === 0) newest = row;
      last = row;
    },
    finish: () => {
      settle();
      return digest;
    },
  };
}

function compareVersions(a: SnapshotVersion, b: SnapshotVersion): number {
  return comparePaths(a.path, b.path) || a.version - b.version || a.k - b.k;
}

/**
 * Live paths come in byte order. Everything below a directory lies between it and the same path with '0', which follows '/', so these
 * ranges are nested, and the open ones are never more than a path has bytes.
 */
function treeCheck(): (path: BytePath, isDirectory: boolean) => void {
  const open: { readonly path: BytePath; readonly end: string }[] = [];
  return (path, isDirectory) => {
    for (let top = open.at(-1); top !== undefined && path >= top.end; top = open.at(-1)) open.pop();
    const parent = parentOf(path);
    if (parent !== '' && !open.some((directory) => directory.path === parent)) {
      throw new Malformed('an entry stands below what is no directory');
    }
    if (isDirectory) open.push({ path, end: `${path}0` });
  };
}

function locationCheck(upTo: Sequence): (row: SnapshotLocation) => void {
  let last: SnapshotLocation | null = null;
  return (row) => {
    if (last !== null && compareLocations(last, row) >= 0) throw new Malformed('locations are not sorted');
    if (row.record > upTo || (row.pack === '' && row.record < 1)) throw new Malformed('a location names a record that is not covered');
    last = row;
  };
}

function compareLocations(a: SnapshotLocation, b: SnapshotLocation): number {
  return comparePaths(a.hash, b.hash) || a.record - b.record || comparePaths(a.pack, b.pack) || a.offset - b.offset;
}

function announcedCheck(upTo: Sequence): (row: AnnouncedSnapshot) => void {
  let last: AnnouncedSnapshot | null = null;
  return (row) => {
    if (last !== null && (last.upTo - row.upTo || comparePaths(last.id, row.id)) >= 0) throw new Malformed('snapshots are not sorted');
    if (row.record > upTo || row.upTo >= row.record) throw new Malformed('a snapshot was announced before what it covers');
    last = row;
  };
}

function retiredCheck(upTo: Sequence): (row: RetiredObject) => void {
  let last: RetiredObject | null = null;
  return (row) => {
    if (last !== null && (comparePaths(last.kind, row.kind) || comparePaths(last.id, row.id)) >= 0) {
      throw new Malformed('retired objects are not sorted');
    }
    if (row.record > upTo) throw new Malformed('an object was retired by a record that is not covered');
    last = row;
  };
}
