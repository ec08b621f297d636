import { type Modes, modesOf } from './chmod.ts';
import type { RsyncRule } from './filter-rules.ts';
import type { Findings } from './findings.ts';
import { isTable, isTrue, type LuaTable, type LuaValue, listOf, shown } from './lua-value.ts';
import { offMeanings, rsyncMeanings, unknownMeaning } from './rsync-meanings.ts';

/** What options of rsync mean for the configs, besides what is told about each. */
export interface RsyncOptions {
  /** Whether mode, owner and group were all carried over. */
  preserve: boolean;
  owner: string | null;
  group: string | null;
  modes: Modes | null;
  /** Line of `chmod` and `chown`, 0 without. */
  metadataLine: number;
  /** The user that ssh logs in as, where an option names one. */
  user: string | null;
  readonly rules: RsyncRule[];
  /** Files with patterns. */
  readonly ruleFiles: { readonly path: string; readonly line: number }[];
}

const shorts: Readonly<Record<string, readonly string[]>> = {
  ...{ a: ['archive'], r: ['recursive'], l: ['links'], t: ['times'], p: ['perms'], o: ['owner'], g: ['group'], D: ['devices'] },
  ...{ v: ['verbose'], q: ['quiet'], u: ['update'], z: ['compress'], H: ['hard_links'], A: ['acls'], X: ['xattrs'], n: ['dry_run'] },
  ...{ x: ['one_file_system'], W: ['whole_file'], c: ['checksum'], C: ['cvs_exclude'], L: ['copy_links'], k: ['copy_dirlinks'] },
  ...{ K: ['keep_dirlinks'], S: ['sparse'], O: ['omit_dir_times'], J: ['omit_link_times'], s: ['protect_args'], b: ['backup'] },
  ...{ m: ['prune_empty_dirs'], I: ['ignore_times'], E: ['executability'], i: ['itemize_changes'], h: ['human_readable'] },
  ...{ P: ['partial', 'progress'], R: ['relative'], d: ['dirs'], y: ['fuzzy'], '4': ['ipv4'], '6': ['ipv6'] },
};
/** Short options that take what follows. */
const shortsWithValue: Readonly<Record<string, string>> = { e: 'rsh', f: 'filter', T: 'temp_dir', B: 'block_size', M: 'remote_option' };
/** Long options whose value is the next item where no `=` stands in them. */
const longsWithValue = new Set([
  ...['rsh', 'filter', 'exclude', 'exclude_from', 'include', 'chmod', 'chown', 'bwlimit', 'timeout', 'temp_dir', 'password_file'],
  ...['rsync_path', 'backup_dir', 'suffix', 'usermap', 'groupmap', 'max_size', 'min_size', 'max_delete', 'port', 'sockopts', 'log_file'],
]);

export function newRsyncOptions(): RsyncOptions {
  return { preserve: false, owner: null, group: null, modes: null, metadataLine: 0, user: null, rules: [], ruleFiles: [] };
}

/** `rsync = { … }`. */
export function readRsyncTable(table: LuaTable, findings: Findings): RsyncOptions {
  const options = newRsyncOptions();
  const set = new Map<string, boolean>();
  for (const [key, { value, line }] of table.cells) {
    if (key === '_extra') readArguments(wordsOf(value), line, { options, set, findings });
    else if (typeof key === 'string') takeOption(key, value, line, { options, set, findings });
  }
  settlePreserve(options, set);
  return options;
}

/** `rsyncOpts` and `rsyncOps` of lsyncd 2.0: one text, or a list of arguments. */
export function readRsyncArguments(value: LuaValue, line: number, findings: Findings): RsyncOptions {
  const options = newRsyncOptions();
  const set = new Map<string, boolean>();
  readArguments(wordsOf(value), line, { options, set, findings });
  settlePreserve(options, set);
  return options;
}

interface Taking {
  readonly options: RsyncOptions;
  /** Options that were switched on or off. */
  readonly set: Map<string, boolean>;
  readonly findings: Findings;
}

function settlePreserve(options: RsyncOptions, set: ReadonlyMap<string, boolean>): void {
  const archive = set.get('archive') === true;
  options.preserve = ['perms', 'owner', 'group'].every((name) => set.get(name) ?? archive);
}

export function wordsOf(value: LuaValue): string[] {
  if (isTable(value)) return listOf(value).flatMap((cell) => (typeof cell.value === 'string' ? [cell.value] : []));
  return typeof value === 'string' ? value.split(/\s+/).filter((word) => word !== '') : [];
}

function readArguments(words: readonly string[], line: number, taking: Taking): void {
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const long = /^--(no-)?([A-Za-z0-9-]+)(?:=(.*))?$/s.exec(word);
    if (long !== null) {
      const name = (long[2] ?? '').replaceAll('-', '_');
      const next = long[3] === undefined && longsWithValue.has(name) ? words[++at] : undefined;
      takeOption(name, long[1] === undefined ? (long[3] ?? next ?? true) : false, line, taking, word);
    } else if (/^-[^-]/.test(word)) at += readCluster(word, words[at + 1], line, taking);
    else taking.findings.add('missing', line, word, unknownMeaning.text);
  }
}

/** `-rltvupgo`; returns how many further words it used up. */
function readCluster(word: string, next: string | undefined, line: number, taking: Taking): number {
  for (let at = 1; at < word.length; at++) {
    const letter = word[at] ?? '';
    const withValue = shortsWithValue[letter];
    if (withValue !== undefined) {
      const rest = word.slice(at + 1);
      takeOption(withValue, rest === '' ? (next ?? '') : rest, line, taking, `-${letter}`);
      return rest === '' ? 1 : 0;
    }
    const names = shorts[letter];
    if (names === undefined) taking.findings.add('missing', line, `-${letter}`, unknownMeaning.text);
    for (const name of names ?? []) takeOption(name, true, line, taking, `-${letter}`);
  }
  return 0;
}

/** Option names are those of the `rsync` table; `written` is how the config has it. */
function takeOption(name: string, value: LuaValue, line: number, taking: Taking, written = `rsync.${name} = ${shown(value)}`): void {
  const { options, set, findings } = taking;
  set.set(name, isTrue(value));
  if (typeof value === 'string' && takeValue(name, value, line, options)) return;
  if (name === 'rsh' && typeof value === 'string') options.user ??= userOf(value.split(/\s+/));
  const meaning = isTrue(value) ? (rsyncMeanings.get(name) ?? unknownMeaning) : offMeanings.get(name);
  if (meaning === undefined) findings.add('unneeded', line, written, 'it is switched off, and nothing has to be done for it');
  else findings.add(meaning.fate, line, written, meaning.text);
}

/** Options that go into a config; what becomes of them is told where it is written. */
function takeValue(name: string, value: string, line: number, options: RsyncOptions): boolean {
  if (name === 'exclude' || name === 'include')
    options.rules.push({ text: `${name === 'include' ? '+' : '-'} ${value}`, line, from: name });
  else if (name === 'filter') options.rules.push({ text: value, line, from: 'filter' });
  else if (name === 'exclude_from') options.ruleFiles.push({ path: value, line });
  else if (name === 'chmod') return takeModes(value, line, options);
  else if (name === 'chown') return takeOwner(value, line, options);
  else return false;
  return true;
}

function takeModes(value: string, line: number, options: RsyncOptions): boolean {
  options.modes = modesOf(value);
  if (options.modes !== null) options.metadataLine = line;
  return options.modes !== null;
}

function takeOwner(value: string, line: number, options: RsyncOptions): boolean {
  const parts = /^([^\s:,/*]*)(?::([^\s:,/*]*))?$/.exec(value);
  if (parts === null) return false;
  options.owner = parts[1] || null;
  options.group = parts[2] || null;
  options.metadataLine = line;
  return true;
}

/** The user after `-l` in arguments of ssh. */
export function userOf(words: readonly string[]): string | null {
  const at = words.indexOf('-l');
  const attached = words.find((word) => /^-l./.test(word));
  return (at >= 0 ? words[at + 1] : attached?.slice(2)) ?? null;
}
