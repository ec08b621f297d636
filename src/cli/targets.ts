import { readLastCycle } from '../agent/last-cycle.ts';
import { isLineageHalt } from '../agent/lineage.ts';
import { readMembers } from '../agent/members.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Hold, Journal } from '../ports/journal.ts';
import { counted, printable } from './format.ts';
import { readJournal } from './shares.ts';
import { ownId } from './status-look.ts';

const unavailable = /^record-(\d{1,15})$/;

/** One thing that a person may decide about in one share. */
export type Target =
  | { readonly kind: 'own'; readonly share: ShareConfig; readonly hold: Hold; readonly paths: number }
  | {
      readonly kind: 'other';
      readonly share: ShareConfig;
      readonly id: string;
      readonly member: string;
      readonly paths: number;
      /** What its check said, '' for deletions. */
      readonly why: string;
    }
  | { readonly kind: 'record'; readonly share: ShareConfig; readonly record: number }
  | { readonly kind: 'lineage'; readonly share: ShareConfig }
  | { readonly kind: 'unavailable'; readonly share: ShareConfig; readonly record: number };

/** What can be decided in one share now. */
export interface Deciding {
  readonly share: ShareConfig;
  readonly own: readonly (Target & { kind: 'own' })[];
  readonly others: readonly (Target & { kind: 'other' })[];
  readonly lineage: boolean;
  readonly cursor: number;
  /** How many deletions a record holds; undefined for a number that this member does not know. */
  readonly deletesOf: (record: number) => number | undefined;
}

/**
 * Own holds from the journal; those of others, where one of the ids may be theirs, from their heartbeats as far as the bucket answers.
 * Throws JournalFault.
 */
export async function decidingIn(world: World, share: ShareConfig, ids: readonly string[]): Promise<Deciding> {
  const records = ids.filter((id) => /^\d{1,15}$/.test(id)).map(Number);
  const local = readJournal(world, share.name, (journal) => (journal === null ? nothingLocal : localDeciding(journal, share, records)));
  const known = new Set(local.own.map((target) => target.hold.id));
  const foreign = ids.some((id) => !known.has(id) && id !== 'lineage' && !unavailable.test(id));
  const others = foreign ? (await othersIn(world, share)).filter((target) => !known.has(target.id)) : [];
  return { share, others, ...local, deletesOf: (record) => local.deletes.get(record) };
}

const nothingLocal = { own: [], lineage: false, cursor: 0, deletes: new Map<number, number>() };

function localDeciding(journal: Journal, share: ShareConfig, records: readonly number[]) {
  const own = journal.holds().map((hold) => ({ kind: 'own' as const, share, hold, paths: journal.holdPaths(hold.id).length }));
  const deletes = new Map(records.flatMap((record) => deletesIn(journal, record)));
  const lineage = isLineageHalt(readLastCycle(journal)?.halt?.code ?? '');
  return { own, lineage, cursor: Number(journal.meta('cursor') ?? '0'), deletes };
}

/** A truncation is held like a deletion, so a record without any deletion may be meant where this member holds it. */
function deletesIn(journal: Journal, record: number): [number, number][] {
  const row = journal.record(record);
  const held = journal.wants(['held']).filter((want) => want.version === record).length;
  return row === null ? [] : [[record, Math.max(row.deletes, held)]];
}

async function othersIn(world: World, share: ShareConfig): Promise<(Target & { kind: 'other' })[]> {
  const selfId = ownId(world);
  try {
    const { members } = await readMembers(await world.datastore(), share.name);
    const others = members.filter(({ heartbeat }) => heartbeat.id !== selfId);
    return others.flatMap(({ heartbeat }) =>
      heartbeat.holds.map((hold) => ({ kind: 'other' as const, share, ...hold, member: heartbeat.name })),
    );
  } catch (error) {
    if (error instanceof DatastoreFault) return [];
    throw error;
  }
}

/** The targets that an argument may mean, in any of the shares. */
export function targetsOf(id: string, all: readonly Deciding[]): Target[] {
  const holds = all.flatMap(({ own, others }): Target[] => [
    ...own.filter((target) => target.hold.id === id),
    ...others.filter((target) => target.id === id).slice(0, 1),
  ]);
  if (holds.length > 0) return holds;
  if (id === 'lineage') return all.filter((one) => one.lineage).map(({ share }) => ({ kind: 'lineage', share }));
  const given = unavailable.exec(id);
  if (given !== null) return all.map(({ share }) => ({ kind: 'unavailable', share, record: Number(given[1]) }));
  if (!/^\d{1,15}$/.test(id)) return [];
  return all.flatMap(({ share, deletesOf }): Target[] =>
    (deletesOf(Number(id)) ?? 0) > 0 ? [{ kind: 'record', share, record: Number(id) }] : [],
  );
}

/** One line for each thing that could be decided, for lists and for messages about a wrong id. */
export function choices(all: readonly Deciding[]): string[] {
  return all.flatMap(({ share, own, others, lineage }) => [
    ...own.map(({ hold, paths }) => `${hold.id}  ${share.name}: ${describeHold(hold, paths)}`),
    ...others.map(({ id, member, paths, why }) => `${printable(id)}  ${share.name}: ${heldText(paths, why)}, held by ${printable(member)}`),
    ...(lineage ? [`lineage  ${share.name}: halted, the bucket does not continue what this member knows`] : []),
  ]);
}

/** `why` is what a check said, '' for deletions. */
export function heldText(paths: number, why: string): string {
  return counted(paths, why === '' ? 'deletion' : 'change');
}

export function describeHold(hold: Hold, paths: number): string {
  const decided = hold.state === 'open' ? '' : `, ${hold.state} already`;
  if (hold.kind === 'check') return `${counted(paths, 'change')} of others that the check refuses${decided}`;
  return `${counted(paths, 'deletion')} ${hold.kind === 'publisher' ? 'made here' : 'of others'}${decided}`;
}
