import { knownStates } from '../agent/earlier.ts';
import type { World } from '../compose.ts';
import type { Entry, Sequence } from '../model/entry.ts';
import { type BytePath, toText } from '../model/path.ts';
import { type Change, changeBetween } from '../model/travel.ts';
import type { Journal } from '../ports/journal.ts';
import { range } from './bring-back-text.ts';
import type { DiffCommand } from './command.ts';
import { pathFields, printDocument } from './document.ts';
import { type ExitCode, exit } from './exit.ts';
import { counted, formatBytes, formatCount } from './format.ts';
import type { Output } from './output.ts';
import { oneShare } from './path-argument.ts';
import { neverSynced, readJournal, tellFault } from './shares.ts';

interface Differing {
  readonly path: BytePath;
  readonly change: Change;
  readonly before: Entry | null;
  readonly after: Entry | null;
}

/** The paths at which the states after two records differ; record 0 is the empty state before the first. */
export async function diff(world: World, command: DiffCommand, output: Output): Promise<ExitCode> {
  const share = await oneShare(world, command.share, output);
  if (share === null) return exit.usage;
  try {
    return readJournal(world, share.name, (journal) => show(journal, share.name, command, output));
  } catch (error) {
    return tellFault(error, share.name, output);
  }
}

function show(journal: Journal | null, share: string, command: DiffCommand, output: Output): ExitCode {
  if (journal === null) {
    output.error(neverSynced(share));
    return exit.problems;
  }
  const { from, to } = command;
  const known = knownStates(journal);
  const unknown = [from, to].find((sequence) => sequence > known.newest || (sequence < known.oldest && sequence > 0));
  if (unknown !== undefined) {
    const gone =
      unknown < known.oldest ? `the state as of record ${unknown} is before the retained history` : `there is no record ${unknown}`;
    output.error(`flocksync: ${share}: ${gone}; ${range(known)}`);
    return exit.problems;
  }
  journal.transaction(() => print(differing(journal, from, to), share, command, output));
  return exit.done;
}

/** Lines go out one by one: two states of a large share may differ everywhere. */
function print(found: Iterable<Differing>, share: string, { from, to, json, stat }: DiffCommand, output: Output): void {
  const totals: Totals = { added: 0, deleted: 0, changed: 0, replaced: 0, bytesBefore: 0, bytesAfter: 0 };
  const changes: object[] = [];
  for (const one of found) {
    totals[one.change]++;
    totals.bytesBefore += sizeOf(one.before) ?? 0;
    totals.bytesAfter += sizeOf(one.after) ?? 0;
    if (json) changes.push(asDocument(one));
    else output.line(line(one));
  }
  if (json) printDocument(output, { share, from, to, ...totals, changes });
  else if (stat) output.line(statLine(totals));
}

type Totals = Record<Change | 'bytesBefore' | 'bytesAfter', number>;

/** From the state that was named first: the other way round it tells what going back would do. */
function* differing(journal: Journal, from: Sequence, to: Sequence): Generator<Differing> {
  const stateOf = (path: BytePath, sequence: Sequence) => journal.versionAt(path, sequence)?.entry ?? null;
  for (const path of journal.pathsChanged('', Math.min(from, to), Math.max(from, to))) {
    const [before, after] = [stateOf(path, from), stateOf(path, to)];
    const change = changeBetween(before, after);
    if (change !== null) yield { path, change, before, after };
  }
}

const letters: Readonly<Record<Change, string>> = { added: 'A', deleted: 'D', changed: 'M', replaced: 'T' };

function line({ path, change, before, after }: Differing): string {
  const entry = after ?? before;
  const size = entry?.kind === 'file' ? `  ${formatBytes(entry.size)}` : '';
  return `${letters[change]} ${toText(path)}${entry?.kind === 'dir' ? '/' : ''}${size}`;
}

function sizeOf(entry: Entry | null): number | null {
  return entry?.kind === 'file' ? entry.size : null;
}

function asDocument({ path, change, before, after }: Differing) {
  const was = before === null || after === null ? {} : { kindBefore: before.kind, sizeBefore: sizeOf(before) };
  const entry = after ?? before;
  return { ...pathFields(path), change, kind: entry?.kind ?? null, size: sizeOf(entry), ...was };
}

/** `12 paths: 3 added, 1 deleted, 8 changed; 1.5 MB before, 2.1 MB after`. */
function statLine({ bytesBefore, bytesAfter, ...counts }: Totals): string {
  const parts = Object.entries(counts).flatMap(([what, count]) => (count > 0 ? [`${formatCount(count)} ${what}`] : []));
  const paths = Object.values(counts).reduce((sum, count) => sum + count, 0);
  const sizes = `${formatBytes(bytesBefore)} before, ${formatBytes(bytesAfter)} after`;
  return `${counted(paths, 'path')}${parts.length > 0 ? `: ${parts.join(', ')}; ${sizes}` : ''}`;
}
