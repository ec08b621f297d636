import type { OnChange, ShareConfig } from '../config-types.ts';
import { type Problem, problem } from '../model/problem.ts';
import { lastWords, saysTheSame } from '../model/said.ts';
import type { CommandEnd, Commands } from '../ports/command.ts';
import type { Journal } from '../ports/journal.ts';
import type { Time } from '../ports/time.ts';

/** How far the command of `onChange` was told, as the journal keeps it. Times are of this machine's clock, ms. */
interface Told {
  /** Number of the last row of the audit that it was told of. */
  readonly upTo: number;
  /** An apply is under way; left behind by a kill, it means that more may have happened than the audit knows. */
  readonly applying: boolean;
  /** It is to be called, whatever the audit says. */
  readonly owed: boolean;
  /** Calls in a row that failed, what the last of them said, and when the next is due. */
  readonly failures: number;
  readonly said: string;
  readonly retryAtMs: number;
  /** What the last call was told of, whether it succeeded or not, and when it ended. */
  readonly triedUpTo: number;
  readonly calledAtMs: number;
}

const nothingTold: Told = { upTo: 0, applying: false, owed: false, failures: 0, said: '', retryAtMs: 0, triedUpTo: 0, calledAtMs: 0 };
const retryMs = 10_000;
const retryMsMax = 10 * 60_000;

function readTold(journal: Journal): Told | null {
  const text = journal.meta('onChange');
  return text === undefined ? null : { ...nothingTold, ...(JSON.parse(text) as Partial<Told>) };
}

function writeTold(journal: Journal, told: Told): void {
  journal.setMeta('onChange', JSON.stringify(told));
}

/**
 * At the beginning of a cycle, before anything is done to the disk. What was applied before `onChange` stood in the config is not told;
 * what a killed run may have applied is.
 */
export function adoptOnChange(journal: Journal, { onChange }: ShareConfig): void {
  journal.transaction(() => {
    const told = readTold(journal);
    if (onChange === null) {
      if (told !== null) journal.setMeta('onChange', null);
      return;
    }
    const last = journal.lastAudit();
    if (told === null) return writeTold(journal, { ...nothingTold, upTo: last });
    // Numbers begin anew once all rows were pruned.
    if (told.applying || told.upTo > last)
      writeTold(journal, { ...told, applying: false, owed: told.owed || told.applying, upTo: Math.min(told.upTo, last) });
  });
}

/** A kill in between leaves behind that `onChange` is owed a call. */
export async function whileApplying<T>(journal: Journal, work: () => Promise<T>): Promise<T> {
  note(journal, true);
  try {
    return await work();
  } finally {
    note(journal, false);
  }
}

function note(journal: Journal, applying: boolean): void {
  const told = readTold(journal);
  if (told !== null && told.applying !== applying) writeTold(journal, { ...told, applying });
}

/**
 * What `metadata:` forces upon files that were made here is no change by others: a command that makes such files would bring itself about
 * again and again. Where a call is due anyway it may speak of them.
 */
export async function withoutTelling(journal: Journal, work: () => Promise<void>): Promise<void> {
  const before = readTold(journal);
  const isDue = before === null || before.owed || journal.lastAudit() > before.upTo;
  await work();
  const told = readTold(journal);
  if (told !== null && !isDue && told.upTo < journal.lastAudit()) writeTold(journal, { ...told, upTo: journal.lastAudit() });
}

/**
 * How long until `onChange` is to be called, ms; null where there is nothing to tell. New changes do not wait for the next try of a call
 * that failed. While an apply is under way its end is waited for.
 */
export function onChangeDue(
  journal: Journal,
  onChange: OnChange,
  nowMs: number,
): { readonly inMs: number; readonly retry: boolean } | null {
  const told = readTold(journal);
  const last = journal.lastAudit();
  if (told === null || told.applying || !(told.owed || last > told.upTo)) return null;
  // A clock that was set back must not put a call off for long.
  const within = (atMs: number, mostMs: number) => Math.min(Math.max(0, atMs - nowMs), mostMs);
  const retry = told.failures > 0 && last <= told.triedUpTo;
  const inMs = retry ? within(told.retryAtMs, retryMsMax) : within(told.calledAtMs + onChange.debounceMs, onChange.debounceMs);
  return { inMs, retry };
}

export interface CallPorts {
  /** Asked anew before and after the call, which may outlive an open journal; null where there is none to write to. */
  readonly journal: () => Journal | null;
  readonly commands: Commands;
  readonly time: Time;
}

/** Calls the command with what was applied since its last success. The caller sees to it that there is one call at a time. */
export async function callOnChange(ports: CallPorts, share: ShareConfig, signal: AbortSignal): Promise<CommandEnd['ended'] | 'nothing'> {
  const journal = ports.journal();
  const told = journal === null ? null : readTold(journal);
  if (journal === null || told === null || share.onChange === null) return 'nothing';
  const last = journal.lastAudit();
  const end = await ports.commands.call({
    ...{ run: share.onChange.run, timeoutMs: share.onChange.timeoutMs, directory: share.path, signal },
    variables: variablesOf(share, journal, 'onChange'),
    paths: journal.auditedPaths(told.upTo, last),
  });
  const after = ports.journal();
  if (after !== null) settle(after, end, last, ports.time.wallMs());
  return end.ended;
}

/** `FLOCKSYNC_HOOK` keeps a `sync` that the command runs from waiting for the end of the command. */
export function variablesOf(share: ShareConfig, journal: Journal, hook: 'onChange' | 'check'): Record<string, string> {
  const record = journal.meta('cursor') ?? '0';
  return { FLOCKSYNC_SHARE: share.name, FLOCKSYNC_ROOT: share.path, FLOCKSYNC_RECORD: record, FLOCKSYNC_HOOK: `${hook} ${share.name}` };
}

function settle(journal: Journal, end: CommandEnd, last: number, nowMs: number): void {
  journal.transaction(() => {
    const told = readTold(journal);
    // Ended with this program, it is called again by the next one.
    if (told === null || end.ended === 'stopped') return;
    const tried = { ...told, triedUpTo: last, calledAtMs: nowMs };
    if (end.ended === 'done') return writeTold(journal, { ...tried, upTo: Math.max(told.upTo, last), owed: false, failures: 0, said: '' });
    const failures = told.failures + 1;
    const retryAtMs = nowMs + Math.min(retryMsMax, retryMs * 2 ** Math.min(failures - 1, 16));
    const words = [end.how, lastWords(end.output)].filter((part) => part !== '').join(': ');
    writeTold(journal, { ...tried, failures, retryAtMs, said: saysTheSame(words, told.said) ? told.said : words });
  });
}

/** Stands until the command has succeeded once. */
export function onChangeProblem(journal: Journal): Problem | null {
  const told = readTold(journal);
  if (told === null || told.failures === 0) return null;
  const fix = 'Run it by hand as the user that runs flocksync; it is tried again by itself, and called again after the next change.';
  return problem('hook-failed', null, `the command of onChange fails (${told.said})`, fix);
}
