import type { OpenedShare } from '../compose.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { JournalFault } from '../ports/journal.ts';
import { type ExitCode, exit } from './exit.ts';
import { standingFault } from './report.ts';

/** What one share's cycle could not go on for: the line to print, null where it has been said before, and what it means. */
export interface ToldFault {
  readonly line: string | null;
  /** The same line, also where it has been said before. */
  readonly text: string;
  readonly code: ExitCode;
}

/** Null for an error that is none of the expected faults: a defect. With `always` (a terminal) what stands is said again. */
export function faultOfShare(
  error: unknown,
  share: string,
  opened: OpenedShare | undefined,
  { nowMs, always }: { readonly nowMs: number; readonly always: boolean },
): ToldFault | null {
  if (error instanceof JournalFault) {
    const text = `flocksync: ${share}: ${error.message} ${journalFix(error)}`;
    return { line: text, text, code: exit.problems };
  }
  if (!(error instanceof DatastoreFault)) return null;
  const problem = { code: 'datastore', path: null, text: error.code, fix: error.fix };
  const fresh = opened === undefined || standingFault(opened.journal, problem, nowMs);
  const text = `flocksync: ${share}: ${faultText(error)}`;
  return { line: fresh || always ? text : null, text, code: exit.unreachable };
}

/** What a person should do about a journal that cannot be used. */
export function journalFix({ code, fix }: JournalFault): string {
  return fix ?? journalFixes[code];
}

const journalFixes = {
  damaged: 'The next run sets it aside and rebuilds it from the bucket.',
  newer: 'Upgrade flocksync on this member.',
  unusable: 'Make room there, and let the user that runs flocksync write to the directory that the config calls "state".',
};

export function faultText(fault: DatastoreFault): string {
  return `the datastore cannot be used (${fault.code}): ${fault.message}. ${fault.fix}`;
}
