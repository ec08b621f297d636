import type { Findings } from './findings.ts';
import { namedCells } from './known-key.ts';
import { type Cell, type LuaTable, type LuaValue, shown } from './lua-value.ts';

/** A value and the line that says it. */
export interface Said<T> {
  readonly value: T;
  readonly line: number;
}

export interface Settings {
  readonly delay: Said<number> | null;
  readonly logfile: Said<string> | null;
  readonly statusFile: Said<string> | null;
}

const supervised = 'one process looks after all shares; systemd or cron starts it (`flocksync install`), and a lock keeps a second one out';

/** Settings that need no counterpart, and why. */
const unneeded: Readonly<Record<string, string>> = {
  pidfile: supervised,
  nodaemon: '`flocksync run` always stays in the foreground, as systemd wants it',
  statusInterval: 'the status is written whenever it changes, and once a minute',
  maxProcesses: 'no process is started for a target: each member fetches for itself, all of them at once',
  maxDelays: 'a burst of any length becomes one changeset; `settleMax: 10s` bounds how long it is waited for',
  insist: 'a member that cannot reach the bucket goes on trying, and a member that is down holds up no other',
  inotifyMode: 'a file is published when it has been quiet for `settle`, however it was written',
};
const missing: Readonly<Record<string, string>> = {
  log: '`log:` holds all events; `flocksync run -v` prints each step',
  logfacility: 'syslog is not built in; what `flocksync run` prints goes to the journal of systemd',
  logident: 'syslog is not built in; what `flocksync run` prints goes to the journal of systemd',
};
const known = ['delay', 'logfile', 'statusFile', ...Object.keys(unneeded), ...Object.keys(missing)];

/** The `settings` block; settings without a counterpart are told about. */
export function readSettings(table: LuaTable, findings: Findings): Settings {
  const cells = namedCells(table, known, findings);
  for (const [key, { value, line }] of cells) {
    const what = `${key} = ${shown(value)}`;
    if (Object.hasOwn(unneeded, key)) findings.add('unneeded', line, what, unneeded[key] ?? '');
    else if (Object.hasOwn(missing, key)) findings.add('missing', line, what, missing[key] ?? '');
    else if (!known.includes(key)) findings.add('missing', line, what, 'import does not know this setting of lsyncd');
  }
  return {
    delay: numberIn(cells.get('delay'), 'delay', findings),
    logfile: textIn(cells.get('logfile'), 'logfile', findings),
    statusFile: textIn(cells.get('statusFile'), 'statusFile', findings),
  };
}

export function textIn(cell: Cell | undefined, key: string, findings: Findings): Said<string> | null {
  if (cell === undefined) return null;
  if (typeof cell.value === 'string' && cell.value !== '' && !/\p{Cc}/u.test(cell.value)) return { value: cell.value, line: cell.line };
  return refused(cell, key, 'a text', findings);
}

/** Seconds and the like: not below 0, and no more than a year of seconds. */
export function numberIn(cell: Cell | undefined, key: string, findings: Findings): Said<number> | null {
  if (cell === undefined) return null;
  const value = numberOf(cell.value);
  return value >= 0 && value <= 31_536_000 ? { value, line: cell.line } : refused(cell, key, 'a number', findings);
}

function numberOf(value: LuaValue): number {
  return typeof value === 'string' && value.trim() !== '' ? Number(value) : typeof value === 'number' ? value : Number.NaN;
}

function refused(cell: Cell, key: string, wanted: string, findings: Findings): null {
  findings.add('missing', cell.line, `${key} = ${shown(cell.value)}`, `${wanted} is wanted here; nothing is taken over`);
  return null;
}
