import { expect, test } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';

const common = { config: '/etc/flocksync.yml', json: false, verbose: false, quiet: false };
const sync = { name: 'sync', shares: [], paths: [], dryRun: false, only: null, wait: true, ...common };
const wait = { name: 'wait', shares: [], all: false, record: null, timeoutMs: null, ...common };
const installed = { name: 'install', what: 'cron', write: false, remove: false, user: null, everyMs: null, ...common };
const init = {
  ...{
    name: 'init',
    url: 's3://b',
    path: null,
    endpoint: null,
    region: null,
    pathStyle: null,
    profile: null,
    federation: null,
    share: null,
  },
  ...{
    preset: null,
    role: 'both',
    mode: 'heavyweight',
    join: 'trash',
    member: null,
    state: null,
    force: false,
    saveKeys: false,
    yes: false,
  },
  ...common,
};
const restore = { name: 'restore', path: '', share: null, at: null, exact: false, dryRun: false, ...common };

test.each<[string, object]>([
  ['sync', sync],
  ['sync -n', { ...sync, dryRun: true }],
  ['sync --dry-run a site*', { ...sync, dryRun: true, shares: ['a', 'site*'] }],
  ['sync a -n b', { ...sync, dryRun: true, shares: ['a', 'b'] }],
  ['sync -nvq', { ...sync, dryRun: true, verbose: true, quiet: true }],
  ['sync --only publish', { ...sync, only: 'publish' }],
  ['sync --only=pull --no-wait', { ...sync, only: 'pull', wait: false }],
  ['sync --path x --path=-y web', { ...sync, paths: ['x', '-y'], shares: ['web'] }],
  ['sync --config /x.yml', { ...sync, config: '/x.yml' }],
  ['sync -- -n --only', { ...sync, shares: ['-n', '--only'] }],
  ['sync -', { ...sync, shares: ['-'] }],
  ['run -v', { name: 'run', ...common, verbose: true }],
  ['status a --json', { name: 'status', shares: ['a'], ready: false, check: null, all: false, ...common, json: true }],
  ['status --ready', { name: 'status', shares: [], ready: true, check: null, all: false, ...common }],
  [
    'status --check',
    { name: 'status', shares: [], ready: false, check: { warningMs: 300_000, criticalMs: 3_600_000 }, all: false, ...common },
  ],
  [
    'status --check --all --warning 30s --critical 2h web',
    { name: 'status', shares: ['web'], ready: false, check: { warningMs: 30_000, criticalMs: 7_200_000 }, all: true, ...common },
  ],
  ['wait', wait],
  ['wait --all --record 42 --timeout 2m a', { ...wait, all: true, record: 42, timeoutMs: 120_000, shares: ['a'] }],
  ['log', { name: 'log', shares: [], limit: 20, local: false, path: null, paths: 10, ...common }],
  ['log --limit 5 a', { name: 'log', shares: ['a'], limit: 5, local: false, path: null, paths: 10, ...common }],
  ['log --local --path d/x', { name: 'log', shares: [], limit: 20, local: true, path: 'd/x', paths: 10, ...common }],
  ['log --path d --paths 0', { name: 'log', shares: [], limit: 20, local: false, path: 'd', paths: 0, ...common }],
  ['restore a@1', { ...restore, path: 'a@1' }],
  ['restore a --at 2h --exact -n --share s', { ...restore, path: 'a', at: '2h', exact: true, dryRun: true, share: 's' }],
  ['restore -- -a@1', { ...restore, path: '-a@1' }],
  ['undo 12', { name: 'undo', sequence: 12, share: null, dryRun: false, ...common }],
  ['undo 12 -n --share s', { name: 'undo', sequence: 12, share: 's', dryRun: true, ...common }],
  ['diff 3 12', { name: 'diff', from: 3, to: 12, share: null, stat: false, ...common }],
  ['diff 12 0 --stat --json --share s', { name: 'diff', from: 12, to: 0, share: 's', stat: true, ...common, json: true }],
  ['history /a/b', { name: 'history', path: '/a/b', share: null, ...common }],
  ['history a --share s --json', { name: 'history', path: 'a', share: 's', ...common, json: true }],
  ['history -- -dash', { name: 'history', path: '-dash', share: null, ...common }],
  ['conflicts', { name: 'conflicts', shares: [], ...common }],
  ['approve', { name: 'approve', ids: [], share: null, ...common }],
  ['approve a1 42 --share s', { name: 'approve', ids: ['a1', '42'], share: 's', ...common }],
  ['reject a1', { name: 'reject', ids: ['a1'], share: null, ...common }],
  ['init s3://b', init],
  ['init s3://b/p /w -y --force --save-keys', { ...init, url: 's3://b/p', path: '/w', yes: true, force: true, saveKeys: true }],
  [
    'init s3://b --endpoint http://h:1 --region r --path-style false --profile p --federation f --share s',
    { ...init, endpoint: 'http://h:1', region: 'r', pathStyle: false, profile: 'p', federation: 'f', share: 's' },
  ],
  [
    'init s3://b --preset none --role subscriber --mode lightweight --join merge --member m --state /s',
    { ...init, preset: 'none', role: 'subscriber', mode: 'lightweight', join: 'merge', member: 'm', state: '/s' },
  ],
  ['join s', { name: 'join', share: 's', merge: false, dryRun: false, yes: false, ...common }],
  ['join s -n --merge --yes', { name: 'join', share: 's', merge: true, dryRun: true, yes: true, ...common }],
  ['help presets', { name: 'help', topic: 'presets' }],
  ['forget s', { name: 'forget', share: 's', ...common }],
  ['doctor', { name: 'doctor', ...common }],
  ['install cron', installed],
  ['install systemd --write --user www-data', { ...installed, what: 'systemd', write: true, user: 'www-data' }],
  ['install cron --remove', { ...installed, remove: true }],
  ['install cron --every 1h', { ...installed, everyMs: 3_600_000 }],
  ['demo --keep', { name: 'demo', keep: true, ...common }],
  ['--help', { name: 'help', topic: null }],
  ['-h', { name: 'help', topic: null }],
  ['help', { name: 'help', topic: null }],
  ['help sync', { name: 'help', topic: 'sync' }],
  ['help config', { name: 'help', topic: 'config' }],
  ['sync --help', { name: 'help', topic: 'sync' }],
  ['history --help', { name: 'help', topic: 'history' }],
  ['--version', { name: 'version' }],
])('%s', (line, command) => {
  expect(parseArguments(line.split(' '))).toEqual({ ok: true, command });
});

test.each<[string, string]>([
  ['', 'there is no command "": `flocksync --help` lists them'],
  ['snyc', 'there is no command "snyc": did you mean sync?'],
  ['frobnicate', 'there is no command "frobnicate": `flocksync --help` lists them'],
  ['init', 'init needs an argument: write flocksync init URL [PATH]'],
  ['init a b c', 'init does not know what to do with "c": write flocksync init URL [PATH]'],
  [
    'init s3://b --preset wordpess',
    '--preset takes wordpress, joomla, drupal, moodle, moodledata or none, found "wordpess" (did you mean wordpress?)',
  ],
  ['init s3://b --role owner', '--role takes both, publisher or subscriber, found "owner"'],
  ['init s3://b --path-style yes', '--path-style takes true or false, found "yes"'],
  ['join', 'join needs an argument: write flocksync join SHARE'],
  ['install', 'install needs an argument: write flocksync install cron|systemd'],
  ['install anacron', 'install takes cron or systemd, found "anacron"'],
  ['install cron --write --remove', '--write and --remove do not go together'],
  ['install systemd --every 15s', '--every is for cron: the daemon goes by `poll` and `schedule` of the config'],
  ['install cron --every 7s', '--every takes a time that divides a minute, an hour or a day, such as 5s, 15s, 1m, 10m or 1h, found "7s"'],
  [
    'install cron --every often',
    '--every takes a time that divides a minute, an hour or a day, such as 5s, 15s, 1m, 10m or 1h, found "often"',
  ],
  ['install cron --every 0s', '--every takes a time that divides a minute, an hour or a day, such as 5s, 15s, 1m, 10m or 1h, found "0s"'],
  ['help upgrade-format', 'the command upgrade-format is not built yet'],
  ['help x', 'there is no command "x": `flocksync --help` lists them'],
  ['--config x sync', '--config stands before the command: write flags after it, for example `flocksync sync --config FILE`'],
  ['-q', '-q stands before the command: write flags after it, `flocksync --help` lists the commands'],
  ['sync --path x --only pull', '--path publishes: it does not go with --only pull'],
  ['sync a b --path x', '--path means one share, found 2: a, b'],
  ['sync --dryrun', 'sync has no flag --dryrun: did you mean --dry-run?'],
  ['sync --json', 'sync has no flag --json: `flocksync sync --help` lists its flags'],
  ['sync -x', 'sync has no flag -x: `flocksync sync --help` lists its flags'],
  ['sync -nx', 'sync has no flag -x: `flocksync sync --help` lists its flags'],
  ['sync --only', '--only needs a value: --only publish|pull'],
  ['sync --only=', '--only needs a value: --only publish|pull'],
  ['sync --only both', '--only takes publish or pull, found "both"'],
  ['sync --config -n', '--config needs a value: --config FILE'],
  ['sync --no-wait=1', '--no-wait takes no value'],
  ['wait --timeout 30', '--timeout takes a duration such as 30s or 5m, found "30"'],
  ['wait --record 0', '--record takes a number from 1 up, found "0"'],
  ['log --paths x', '--paths takes a number from 0 up, found "x"'],
  ['undo x', 'undo takes the number of a record, found "x": flocksync log lists them'],
  ['diff 1 -', 'diff takes the numbers of two records, found "-": flocksync log lists them'],
  ['diff 1', 'diff needs an argument: write flocksync diff SEQ SEQ'],
  ['restore a b', 'restore does not know what to do with "b": write flocksync restore PATH[@VERSION]'],
  ['log --limit x', '--limit takes a number from 1 up, found "x"'],
  ['history', 'history needs an argument: write flocksync history PATH'],
  ['history a b', 'history does not know what to do with "b": write flocksync history PATH'],
  ['forget', 'forget needs an argument: write flocksync forget SHARE'],
  ['run webroot', 'run does not know what to do with "webroot": write flocksync run'],
])('%s is refused', (line, message) => {
  expect(parseArguments(line.split(' '))).toEqual({ ok: false, message });
});

test('no arguments at all', () => {
  expect(parseArguments([])).toEqual({ ok: false, message: 'a command is missing: `flocksync --help` lists them' });
});

test('an empty share name is not "all shares"', () => {
  expect(parseArguments(['sync', ''])).toEqual({ ok: false, message: 'sync was given an empty argument: write flocksync sync [SHARE…]' });
});
