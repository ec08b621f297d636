import type { RsyncRule } from './filter-rules.ts';
import type { Findings } from './findings.ts';
import { namedCells } from './known-key.ts';
import { type Cell, isName, isTable, type LuaTable, type LuaValue, listOf, newTable, shown } from './lua-value.ts';
import { onHost, parseTarget, plain, type Target } from './places.ts';
import { numberIn, type Said, textIn } from './read-settings.ts';
import { newRsyncOptions, type RsyncOptions, readRsyncArguments, readRsyncTable, userOf, wordsOf } from './rsync-options.ts';

export type Deleting = true | false | 'startup' | 'running';

/** A `sync` block. */
export interface Sync {
  readonly line: number;
  /** Absolute; null where the block does not tell. */
  readonly source: Said<string> | null;
  readonly target: Said<Target>;
  /** Seconds; null where neither the block nor the settings say it. */
  readonly delay: Said<number> | null;
  readonly deleting: Said<Deleting>;
  /** Includes what stood in files that could be read. */
  readonly rules: readonly RsyncRule[];
  /** Files with patterns that could not be read. */
  readonly absentFiles: readonly RuleFile[];
  readonly options: RsyncOptions;
}

interface RuleFile {
  readonly path: string;
  readonly line: number;
}

/** The lines of a file, or null where it cannot be read here. */
export type ReadLines = (path: string) => readonly string[] | null;

const unneeded: Readonly<Record<string, string>> = {
  maxDelays: 'a burst of any length becomes one changeset; `settleMax: 10s` bounds how long it is waited for',
  maxProcesses: 'no process is started for a target: each member fetches for itself, all of them at once',
  xargs: 'deletions travel in the log, not as commands',
  batchSizeLimit: 'small and large files alike travel in packs and chunks',
  exitcodes: 'no other program is called',
  rsyncExitCodes: 'no other program is called',
  sshExitCodes: 'no other program is called',
};
const missing: Readonly<Record<string, string>> = {
  crontab: '`sweep:` of the share says when the whole tree is looked at; put the expression there',
  tunnel: 'no member connects to another; a tunnel to the bucket would be set up outside of flocksync',
};
const own = [
  ...['source', 'target', 'targetdir', 'host', 'delay', 'delete', 'init', 'exclude', 'excludeFrom', 'filter', 'filterFrom'],
  ...['rsync', 'rsyncOpts', 'rsyncOps', 'ssh'],
];
const known = [...own, ...Object.keys(unneeded), ...Object.keys(missing)];
const presets = ['default.rsync', 'default.rsyncssh', 'default.direct'];

/** Null where the block does not work by one of the three behaviours that a share can replace. */
export function readSync(table: LuaTable, line: number, findings: Findings, readLines: ReadLines): Sync | null {
  const { preset, merged } = inherited(table);
  if (preset !== null && !presets.includes(preset)) {
    findings.add('missing', line, 'sync', `it works by \`${preset}\`, which is no behaviour of rsync; the block is left out`);
    return null;
  }
  const action = [...merged.cells.keys()].find(isAction);
  if (preset === null && action !== undefined) {
    findings.add(
      'missing',
      line,
      'sync',
      `it works by commands of its own (\`${action}\`), which no share replaces; the block is left out`,
    );
    return null;
  }
  const cells = namedCells(merged, known, findings);
  for (const [key, cell] of cells) tellKey(key, cell, findings);
  const options = readOptions(cells, findings);
  return {
    line,
    source: readSource(cells.get('source'), findings),
    target: readTarget(cells, line, findings),
    delay: numberIn(cells.get('delay'), 'delay', findings),
    deleting: readDeleting(cells.get('delete'), line, findings),
    ...readRules(cells, options, findings, readLines),
    options,
  };
}

/** `sync { base, … }`: tables in the list give what the block does not say itself. */
function inherited(table: LuaTable): { preset: string | null; merged: LuaTable } {
  const merged = newTable();
  let preset: string | null = null;
  for (const { value } of listOf(table)) {
    if (isName(value)) preset = value.name;
    if (!isTable(value)) continue;
    const base = inherited(value);
    preset ??= base.preset;
    mergeInto(merged, base.merged);
  }
  mergeInto(merged, table);
  return { preset, merged };
}

function mergeInto(to: LuaTable, from: LuaTable): void {
  for (const [key, cell] of from.cells) {
    if (typeof key === 'number') continue;
    const before = to.cells.get(key)?.value;
    if (isTable(before) && isTable(cell.value) && key !== 'exclude') {
      const both = newTable();
      for (const part of [before, cell.value]) for (const [name, each] of part.cells) both.cells.set(name, each);
      to.cells.set(key, { value: both, line: cell.line });
    } else to.cells.set(key, cell);
  }
}

function tellKey(key: string, { value, line }: Cell, findings: Findings): void {
  const what = `${key} = ${shown(value)}`;
  if (Object.hasOwn(unneeded, key)) findings.add('unneeded', line, what, unneeded[key] ?? '');
  else if (Object.hasOwn(missing, key)) findings.add('missing', line, what, missing[key] ?? '');
  else if (key === 'init') tellInit(value, line, what, findings);
  else if (isAction(key)) findings.add('missing', line, what, actionText);
  else if (!own.includes(key)) findings.add('missing', line, what, 'import does not know this key of a `sync` block');
}

/** What a block runs by itself, for each kind of event. */
function isAction(key: string | number): boolean {
  return typeof key === 'string' && /^(on[A-Z]\w*|action|collect|prepare)$/.test(key);
}

const actionText =
  'commands of your own are not carried over; what runs after a change can be `onChange` of the share, what may refuse it `check`';

function tellInit(value: LuaValue, line: number, what: string, findings: Findings): void {
  if (value === true) return;
  findings.add(
    'missing',
    line,
    what,
    'a member always compares its whole tree when it starts: files that are equal are taken as they are, nothing is sent for them',
  );
}

function readSource(cell: Cell | undefined, findings: Findings): Said<string> | null {
  const text = textIn(cell, 'source', findings);
  if (text === null) return null;
  if (text.value.startsWith('/') && !text.value.split('/').includes('..')) return { value: plain(text.value), line: text.line };
  findings.add('missing', text.line, `source = ${shown(text.value)}`, 'only an absolute path without `..` can be taken over');
  return null;
}

function readTarget(cells: ReadonlyMap<string, Cell>, line: number, findings: Findings): Said<Target> {
  const host = textIn(cells.get('host'), 'host', findings);
  const directory = textIn(cells.get('targetdir'), 'targetdir', findings);
  const target = textIn(cells.get('target'), 'target', findings);
  if (target !== null) return { value: parseTarget(target.value), line: target.line };
  const said = host?.line ?? directory?.line ?? line;
  if (host !== null && directory !== null) return { value: onHost(host.value, directory.value), line: said };
  const gap = 'the block does not say where it brings its source';
  const name = host === null ? null : onHost(host.value, '/').host;
  const path = directory?.value.startsWith('/') === true ? plain(directory.value) : null;
  return { value: { host: name ?? (host === null ? 'target' : null), user: null, path, gap }, line: said };
}

function readDeleting(cell: Cell | undefined, line: number, findings: Findings): Said<Deleting> {
  if (cell === undefined) return { value: true, line };
  const { value } = cell;
  if (typeof value === 'boolean' || value === 'startup' || value === 'running') return { value, line: cell.line };
  findings.add('missing', cell.line, `delete = ${shown(value)}`, 'true, false, "startup" or "running" is wanted here; read as true');
  return { value: true, line: cell.line };
}

function readRules(
  cells: ReadonlyMap<string, Cell>,
  options: RsyncOptions,
  findings: Findings,
  readLines: ReadLines,
): Pick<Sync, 'rules' | 'absentFiles'> {
  const rules: RsyncRule[] = [];
  const absentFiles: RuleFile[] = [];
  const takeFile = (file: RuleFile) => {
    const lines = linesOf(file, findings, readLines);
    if (lines === null) absentFiles.push(file);
    else rules.push(...lines.map((text) => ({ text, line: file.line, from: file.path })));
  };
  for (const key of ['filter', 'filterFrom', 'exclude', 'excludeFrom']) {
    for (const { value, line } of valuesOf(cells.get(key))) {
      if (typeof value !== 'string') findings.add('missing', line, `${key} = ${shown(value)}`, 'a text is wanted here');
      else if (key.endsWith('From')) takeFile({ path: value, line });
      else rules.push({ text: value, line, from: key });
    }
  }
  rules.push(...options.rules);
  for (const file of options.ruleFiles) takeFile(file);
  return { rules, absentFiles };
}

function valuesOf(cell: Cell | undefined): readonly Cell[] {
  if (cell === undefined) return [];
  return isTable(cell.value) ? [...cell.value.cells.values()] : [cell];
}

function linesOf({ path, line }: RuleFile, findings: Findings, readLines: ReadLines): readonly string[] | null {
  const lines = path.startsWith('/') ? readLines(path) : null;
  const text =
    lines === null
      ? 'the file cannot be read here, so NOTHING of it is excluded: import on the server that has it, or add its lines to `exclude`'
      : 'the patterns that stand in the file now are in `exclude`; the file is not read again';
  findings.add(lines === null ? 'missing' : 'carried', line, shown(path), text);
  return lines;
}

function readOptions(cells: ReadonlyMap<string, Cell>, findings: Findings): RsyncOptions {
  const table = cells.get('rsync');
  const listed = cells.get('rsyncOpts') ?? cells.get('rsyncOps');
  const options = optionsOf(table, listed, findings);
  const ssh = cells.get('ssh');
  if (ssh !== undefined) {
    options.user ??= isTable(ssh.value) ? userOf(wordsOf(ssh.value.cells.get('_extra')?.value ?? null)) : null;
    findings.add(
      'unneeded',
      ssh.line,
      `ssh = ${shown(ssh.value)}`,
      'no member connects to another: keys, ports and options of ssh are not needed',
    );
  }
  return options;
}

function optionsOf(table: Cell | undefined, listed: Cell | undefined, findings: Findings): RsyncOptions {
  if (isTable(table?.value)) return readRsyncTable(table.value, findings);
  if (listed !== undefined) return readRsyncArguments(listed.value, listed.line, findings);
  if (table !== undefined) findings.add('missing', table.line, `rsync = ${shown(table.value)}`, 'a table is wanted here');
  return newRsyncOptions();
}
