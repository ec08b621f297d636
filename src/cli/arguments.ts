import { rhythmFault } from '../model/cron-file.ts';
import { parseDuration } from '../model/duration.ts';
import { nearest } from '../model/nearest.ts';
import { requestPathsMax } from '../model/request.ts';
import { parseShareOf } from '../model/verify.ts';
import type { Command, Common } from './command.ts';
import type { CommandSpec } from './command-spec.ts';
import { commands, commonFlags, jsonFlag, unbuiltCommands } from './command-table.ts';
import { type Flag, type Misuse, misuse, type Split, splitFlags } from './flags.ts';
import { buildInit } from './init-arguments.ts';

export type Parsed = { readonly ok: true; readonly command: Command } | Misuse;

export const defaultConfigFile = '/etc/flocksync.yml';

/** The arguments after the program's name. A misuse is one sentence for standard error and exit code 2. */
export function parseArguments(argv: readonly string[]): Parsed {
  const at = nameIndex(argv);
  const name = argv[at];
  if (at > 0 || name === undefined) return withoutCommand(argv, name);
  if (name === '--help' || name === '-h') return { ok: true, command: { name: 'help', topic: null } };
  if (name === '--version' || name === '-V') return { ok: true, command: { name: 'version' } };
  const spec = commands.find((one) => one.name === name);
  if (spec === undefined) return misuse(unknownCommand(name));
  const known: readonly Flag[] = [...spec.flags, ...commonFlags, ...(spec.json ? [jsonFlag] : [])];
  const split = splitFlags(argv.slice(1), { command: name, known, unbuilt: spec.unbuiltFlags });
  if (!split.ok) return split;
  if (split.flags.has('help')) return { ok: true, command: { name: 'help', topic: name } };
  return wordsFault(spec, split.words) ?? build(spec, split);
}

/** The command stands first; `--help` and `--version` may stand in its place. */
function nameIndex(argv: readonly string[]): number {
  if (['--help', '-h', '--version', '-V'].includes(argv[0] ?? '')) return 0;
  return argv.findIndex((argument) => !argument.startsWith('-'));
}

function withoutCommand(argv: readonly string[], name: string | undefined): Misuse {
  const first = argv[0];
  if (first === undefined) return misuse('a command is missing: `flocksync --help` lists them');
  const hint = name === undefined ? '`flocksync --help` lists the commands' : 'for example `flocksync sync --config FILE`';
  return misuse(`${first} stands before the command: write flags after it, ${hint}`);
}

function unknownCommand(name: string): string {
  if (unbuiltCommands.includes(name)) return `the command ${name} is not built yet`;
  const close = nearest(name, [...commands.map((one) => one.name), ...unbuiltCommands]);
  return `there is no command "${name}": ${close === undefined ? '`flocksync --help` lists them' : `did you mean ${close}?`}`;
}

function wordsFault(spec: CommandSpec, words: readonly string[]): Misuse | undefined {
  const form = `flocksync ${spec.name}${spec.words === '' ? '' : ` ${spec.words}`}`;
  if (words.includes('')) return misuse(`${spec.name} was given an empty argument: write ${form}`);
  if (words.length < spec.wordsMin) return misuse(`${spec.name} needs an argument: write ${form}`);
  if (words.length <= spec.wordsMax) return undefined;
  return misuse(`${spec.name} does not know what to do with "${words[spec.wordsMax]}": write ${form}`);
}

function build(spec: CommandSpec, split: Split): Parsed {
  const { words, flags } = split;
  const common = commonOf(split);
  switch (spec.name) {
    case 'init':
      return buildInit(split, common);
    case 'sync':
      return buildSync(split, common);
    case 'wait':
      return buildWait(split, common);
    case 'log':
      return buildLog(split, common);
    case 'status':
      return buildStatus(split, common);
    case 'conflicts':
      return { ok: true, command: { name: spec.name, shares: words, ...common } };
    case 'run':
    case 'doctor':
      return { ok: true, command: { name: spec.name, ...common } };
    case 'demo':
      return { ok: true, command: { name: 'demo', keep: flags.has('keep'), ...common } };
    case 'history':
      return { ok: true, command: { name: 'history', path: words[0] ?? '', share: textOf(flags, 'share'), ...common } };
    case 'restore':
      return buildRestore(split, common);
    case 'undo':
      return buildUndo(split, common);
    case 'diff':
      return buildDiff(split, common);
    case 'approve':
    case 'reject':
      return { ok: true, command: { name: spec.name, ids: words, share: textOf(flags, 'share'), ...common } };
    case 'join':
      return {
        ok: true,
        command: {
          name: 'join',
          share: words[0] ?? '',
          merge: flags.has('merge'),
          dryRun: flags.has('dry-run'),
          yes: flags.has('yes'),
          ...common,
        },
      };
    case 'forget':
      return { ok: true, command: { name: 'forget', share: words[0] ?? '', ...common } };
    case 'verify':
      return buildVerify(split, common);
    case 'housekeep':
      return { ok: true, command: { name: 'housekeep', shares: words, dryRun: flags.has('dry-run'), ...common } };
    case 'install':
      return buildInstall(split, common);
    case 'import':
      return buildImport(split, common);
    case 'help':
      return buildHelp(words[0]);
  }
}

function commonOf({ flags }: Split): Common {
  const config = textOf(flags, 'config') ?? defaultConfigFile;
  return { config, json: flags.has('json'), verbose: flags.has('verbose'), quiet: flags.has('quiet') };
}

function buildSync({ words, flags, lists }: Split, common: Common): Parsed {
  const only = textOf(flags, 'only');
  if (only !== null && only !== 'publish' && only !== 'pull') return misuse(`--only takes publish or pull, found "${only}"`);
  const paths = lists.get('path') ?? [];
  if (paths.length > 0 && only === 'pull') return misuse('--path publishes: it does not go with --only pull');
  if (paths.length > 0 && words.length > 1) return misuse(`--path means one share, found ${words.length}: ${words.join(', ')}`);
  if (paths.length > requestPathsMax) return misuse(`--path may be given ${requestPathsMax} times: name a directory that holds them all`);
  return {
    ok: true,
    command: { name: 'sync', shares: words, paths, dryRun: flags.has('dry-run'), only, wait: !flags.has('no-wait'), ...common },
  };
}

const usualLimits = { warning: '5m', critical: '1h' };

function buildStatus({ words, flags }: Split, common: Common): Parsed {
  const [ready, check] = [flags.has('ready'), flags.has('check')];
  const stray = ['warning', 'critical', 'all'].find((flag) => flags.has(flag) && !check);
  if (stray !== undefined) return misuse(`--${stray} belongs to --check`);
  if (check && (ready || common.json)) return misuse(`--check has its own form of answer: leave out ${ready ? '--ready' : '--json'}`);
  const [warning, critical] = (['warning', 'critical'] as const).map((flag) => textOf(flags, flag) ?? usualLimits[flag]);
  const [warningMs, criticalMs] = [parseDuration(warning ?? ''), parseDuration(critical ?? '')];
  if (warningMs === undefined) return misuse(`--warning takes a duration such as 5m, found "${warning}"`);
  if (criticalMs === undefined) return misuse(`--critical takes a duration such as 1h, found "${critical}"`);
  if (criticalMs < warningMs) return misuse(`--critical ${critical} is shorter than --warning ${warning}: exchange them`);
  const limits = check ? { warningMs, criticalMs } : null;
  return { ok: true, command: { name: 'status', shares: words, ready, check: limits, all: flags.has('all'), ...common } };
}

function buildWait({ words, flags }: Split, common: Common): Parsed {
  const record = countOf(flags, 'record');
  const timeout = textOf(flags, 'timeout');
  const timeoutMs = timeout === null ? null : parseDuration(timeout);
  if (record === undefined) return misuse(`--record takes a number from 1 up, found "${textOf(flags, 'record')}"`);
  if (timeoutMs === undefined) return misuse(`--timeout takes a duration such as 30s or 5m, found "${timeout}"`);
  return { ok: true, command: { name: 'wait', shares: words, all: flags.has('all'), record, timeoutMs, ...common } };
}

function buildLog({ words, flags }: Split, common: Common): Parsed {
  const limit = countOf(flags, 'limit');
  if (limit === undefined) return misuse(`--limit takes a number from 1 up, found "${textOf(flags, 'limit')}"`);
  const shown = textOf(flags, 'paths') ?? '10';
  if (!isNumber(shown)) return misuse(`--paths takes a number from 0 up, found "${shown}"`);
  const which = { shares: words, limit: limit ?? 20, local: flags.has('local'), path: textOf(flags, 'path'), paths: Number(shown) };
  return { ok: true, command: { name: 'log', ...which, ...common } };
}

function buildRestore({ words, flags }: Split, common: Common): Parsed {
  const how = { share: textOf(flags, 'share'), at: textOf(flags, 'at'), exact: flags.has('exact'), dryRun: flags.has('dry-run') };
  return { ok: true, command: { name: 'restore', path: words[0] ?? '', ...how, ...common } };
}

function buildUndo({ words, flags }: Split, common: Common): Parsed {
  const [sequence = ''] = words;
  if (!isNumber(sequence)) return misuse(`undo takes the number of a record, found "${sequence}": flocksync log lists them`);
  const how = { share: textOf(flags, 'share'), dryRun: flags.has('dry-run') };
  return { ok: true, command: { name: 'undo', sequence: Number(sequence), ...how, ...common } };
}

function buildDiff({ words, flags }: Split, common: Common): Parsed {
  const wrong = words.find((word) => !isNumber(word));
  if (wrong !== undefined) return misuse(`diff takes the numbers of two records, found "${wrong}": flocksync log lists them`);
  const [from = 0, to = 0] = words.map(Number);
  return { ok: true, command: { name: 'diff', from, to, share: textOf(flags, 'share'), stat: flags.has('stat'), ...common } };
}

function isNumber(text: string): boolean {
  return /^\d{1,15}$/.test(text);
}

function buildVerify({ words, flags }: Split, common: Common): Parsed {
  const sample = textOf(flags, 'sample');
  const fraction = sample === null ? 1 : parseShareOf(sample);
  if (fraction === undefined) return misuse(`--sample takes a part such as 5% or 0.5%, found "${sample}"`);
  return { ok: true, command: { name: 'verify', shares: words, fraction, repair: flags.has('repair'), ...common } };
}

function buildInstall({ words, flags }: Split, common: Common): Parsed {
  const [what = ''] = words;
  if (what !== 'cron' && what !== 'systemd') return misuse(`install takes cron or systemd, found "${what}"`);
  const [write, remove] = [flags.has('write'), flags.has('remove')];
  if (write && remove) return misuse('--write and --remove do not go together');
  const every = textOf(flags, 'every');
  if (every !== null && what !== 'cron') return misuse('--every is for cron: the daemon goes by `poll` and `schedule` of the config');
  const everyMs = every === null ? null : (parseDuration(every) ?? 0);
  const fault = everyMs === null ? undefined : rhythmFault(everyMs);
  if (fault !== undefined) return misuse(`--every ${fault}, found "${every}"`);
  return { ok: true, command: { name: 'install', what, write, remove, user: textOf(flags, 'user'), everyMs, ...common } };
}

function buildImport({ words, flags }: Split, common: Common): Parsed {
  const given = { out: textOf(flags, 'out'), bucket: textOf(flags, 'bucket'), federation: textOf(flags, 'federation') ?? 'lsyncd' };
  return { ok: true, command: { name: 'import', file: words[0] ?? '', ...given, ...common } };
}

/** Screens of `help` that are no command. */
export const topics: readonly string[] = ['config', 'presets'];

function buildHelp(topic: string | undefined): Parsed {
  if (topic === undefined || topics.includes(topic) || commands.some((one) => one.name === topic)) {
    return { ok: true, command: { name: 'help', topic: topic ?? null } };
  }
  return misuse(unknownCommand(topic));
}

function textOf(flags: Split['flags'], long: string): string | null {
  const value = flags.get(long);
  return typeof value === 'string' ? value : null;
}

/** null when the flag is absent, undefined when it is no whole number from 1 up. */
function countOf(flags: Split['flags'], long: string): number | null | undefined {
  const text = textOf(flags, long);
  if (text === null) return null;
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return count >= 1 ? count : undefined;
}
