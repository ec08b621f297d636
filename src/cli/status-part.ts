import { waiting } from '../agent/applied.ts';
import type { Outcome, ShareAgent } from '../agent.ts';
import type { Journal } from '../ports/journal.ts';

/** What one share tells in its status file: figures and codes, never a path or a name from the disk, since a web server may show it to all. */
export interface StatusPart {
  readonly schema: 1;
  readonly share: string;
  /** Why the share is not well, in codes; empty when it is. */
  readonly trouble: readonly string[];
  /** When everything that was there had last been brought to its place; null when it never was. This machine's clock, ms. */
  readonly goodAtMs: number | null;
  readonly record: number;
  /** Changes of the log that are not on this disk yet. */
  readonly incoming: { readonly changes: number; readonly deletions: number; readonly bytes: number };
  /** What is not in the log yet: a record on its way, large files, versions that so far only the trash holds. */
  readonly outgoing: number;
  /** Paths that a guard holds. */
  readonly held: number;
  readonly problems: number;
  /** What is under way; null between cycles. */
  readonly progress: { readonly phase: string; readonly filesDone: number; readonly filesTotal: number } | null;
  readonly writtenMs: number;
}

export type Facts = Omit<StatusPart, 'schema' | 'share' | 'writtenMs'>;

const nothing = { changes: 0, deletions: 0, bytes: 0 };

/** Before anything is known. */
export const blankFacts: Facts = {
  ...{ trouble: [], goodAtMs: null, record: 0, incoming: nothing, outgoing: 0, held: 0, problems: 0, progress: null },
};

/** What the last of some cycles came to. Unfinished work is no trouble by itself: the time of the last good moment stays and runs out. */
export function factsOf(outcome: Outcome, agent: ShareAgent, before: Facts, nowMs: number): Facts {
  const { journal } = agent.ports;
  const trouble = [...new Set([outcome.halt?.code ?? '', outcome.held ? 'held' : '', ...outcome.problems.map(({ code }) => code)])];
  const told = trouble.filter((code) => code !== '').sort();
  const good = told.length === 0 && !outcome.unfinished;
  return {
    ...{ trouble: told, goodAtMs: good ? nowMs : before.goodAtMs, record: outcome.cursor, incoming: incomingOf(journal) },
    ...{ outgoing: outgoingOf(agent), held: heldOf(journal), problems: outcome.problems.length, progress: null },
  };
}

function incomingOf(journal: Journal): StatusPart['incoming'] {
  const { puts, deletes, bytes } = journal.wantTally(waiting);
  return { changes: puts, deletions: deletes, bytes };
}

function outgoingOf({ ports: { journal }, memory }: ShareAgent): number {
  return (journal.outbox() === null ? 0 : 1) + journal.owedTrash().length + memory.uploads.size;
}

function heldOf(journal: Journal): number {
  const open = journal.holds().filter((hold) => hold.state === 'open');
  return open.reduce((sum, hold) => sum + journal.holdTally(hold.id, 0).count, 0);
}

export function partOf(share: string, facts: Facts, nowMs: number): StatusPart {
  const { trouble, goodAtMs, record, incoming, outgoing, held, problems, progress } = facts;
  return { schema: 1, share, trouble, goodAtMs, record, incoming, outgoing, held, problems, progress, writtenMs: nowMs };
}

/** Null for what is damaged or of another program version. */
export function readPart(text: string | null): StatusPart | null {
  if (text === null) return null;
  try {
    const json = JSON.parse(text) as Partial<StatusPart>;
    return json.schema === 1 && Array.isArray(json.trouble) ? (json as StatusPart) : null;
  } catch {
    return null;
  }
}
