import type { Hash, Sequence } from './entry.ts';
import type { BytePath } from './path.ts';
import { toText } from './path.ts';

/** Everything that `verify` can find; docs/5-operations.md has a row for each. */
export const flawCodes = [
  'share-missing',
  'share-halted',
  'format-missing',
  'format-damaged',
  'record-missing',
  'record-damaged',
  'record-rewritten',
  'body-missing',
  'body-damaged',
  'log-incomplete',
  'pack-missing',
  'pack-short',
  'pack-damaged',
  'content-lost',
  'snapshot-missing',
  'snapshot-damaged',
  'digest-wrong',
  'versions-differ',
  'tree-broken',
  'member-differs',
  'bit-rot',
  'file-unreadable',
  'root-away',
] as const;

export type FlawCode = (typeof flawCodes)[number];

/**
 * Something that is not as it must be. `subject` names it: a record's number, an object's id, a member's label or a path as text. Where
 * nobody is harmed (a second copy of a content that is still there) it is worth a line and no more.
 */
export interface Flaw {
  readonly code: FlawCode;
  readonly subject: string;
  /** null for what is no path of the tree. */
  readonly path: BytePath | null;
  /** One sentence without its full stop. */
  readonly text: string;
  /** What `--repair` makes of it, or what a person should do: a sentence. */
  readonly remedy: string;
  readonly harmful: boolean;
}

export function flaw(code: FlawCode, subject: string | number, text: string, remedy: string, harmful = true): Flaw {
  return { code, subject: String(subject), path: null, text, remedy, harmful };
}

export function pathFlaw(code: FlawCode, path: BytePath, text: string, remedy: string): Flaw {
  return { code, subject: toText(path), path, text, remedy, harmful: true };
}

/** What was looked at, for the report. Bytes of contents as stored, of files as they are. */
export interface Counts {
  records: number;
  bodies: number;
  packs: number;
  contents: number;
  /** Copies of contents that were read; the others were only looked up. */
  contentsRead: number;
  bytesRead: number;
  snapshots: number;
  entries: number;
  members: number;
  files: number;
  filesRead: number;
  fileBytesRead: number;
  /** Files that have changed since the last cycle: the next one reads and publishes them. */
  filesChanged: number;
  /** Objects that nothing refers to, and those that wait for their deletion. */
  orphans: number;
  orphanBytes: number;
  /** Age of the oldest orphan by the bucket's clock, ms. */
  orphanAgeMs: number;
  retired: number;
}

export function noCounts(): Counts {
  return {
    ...{ records: 0, bodies: 0, packs: 0, contents: 0, contentsRead: 0, bytesRead: 0, snapshots: 0, entries: 0, members: 0 },
    ...{ files: 0, filesRead: 0, fileBytesRead: 0, filesChanged: 0, orphans: 0, orphanBytes: 0, orphanAgeMs: 0, retired: 0 },
  };
}

/** A part of a pack that is read in one request. */
export interface Run<P> {
  readonly offset: number;
  readonly length: number;
  readonly places: readonly P[];
}

const runBytesMax = 4 * 1024 * 1024;
/** Unwanted bytes between two wanted ones that are cheaper to read than another request. */
const gapBytesMax = 256 * 1024;

/** Neighbours become one run of a few MiB at most, unless one place alone is longer. `places` are in order of their offsets. */
export function runsOf<P extends { readonly offset: number; readonly length: number }>(places: readonly P[]): Run<P>[] {
  const runs: { offset: number; length: number; places: P[] }[] = [];
  for (const place of places) {
    const run = runs.at(-1);
    const end = place.offset + place.length;
    const joins = run !== undefined && place.offset - (run.offset + run.length) <= gapBytesMax && end - run.offset <= runBytesMax;
    if (!joins) runs.push({ offset: place.offset, length: place.length, places: [place] });
    else {
      run.length = Math.max(run.length, end - run.offset);
      run.places.push(place);
    }
  }
  return runs;
}

/** What an examination came to. */
export interface Examined {
  readonly flaws: readonly Flaw[];
  readonly counts: Readonly<Counts>;
  /** The state that was examined. */
  readonly cursor: Sequence;
  /** Contents of retained versions that no place in the bucket delivers, as far as they were read. */
  readonly lost: readonly Hash[];
  /** Why the share stands still, where it does. */
  readonly halted: boolean;
}

/** `5%`, `0.5%` or `5` as a fraction above 0 and at most 1; undefined for anything else. */
export function parseShareOf(text: string): number | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,6})?)%?$/.exec(text);
  const fraction = match === null ? 0 : Number(match[1]) / 100;
  return fraction > 0 && fraction <= 1 ? fraction : undefined;
}
