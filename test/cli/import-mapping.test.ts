import { describe, expect, test } from 'vitest';
import type { Fate } from '../../src/cli/import/findings.ts';
import { importLsyncd } from '../../src/cli/import/lsyncd.ts';
import { reportLines } from '../../src/cli/import/report.ts';
import { loadConfig } from '../../src/config.ts';

const variables = { FLOCKSYNC_SOURCE: '/from', FLOCKSYNC_TARGET: '/to', FLOCKSYNC_TARGET_2: '/to2' };

function imported(text: string) {
  const result = importLsyncd(text, { from: 'l.conf', federation: 'web', bucket: 's3://shop' }, () => null);
  if (!result.ok) throw new Error(`line ${result.line}: ${result.message}`);
  const configs = new Map(
    result.configs.map(({ file, text: yaml, faults }) => {
      const loaded = loadConfig(yaml, file, { variables, hostName: 'h', realpath: () => null });
      return [file, loaded.ok ? loaded.config : { faults }] as const;
    }),
  );
  const fateOf = (what: string): readonly Fate[] => result.findings.filter((one) => one.what.includes(what)).map(({ fate }) => fate);
  return {
    ...result,
    configs,
    texts: new Map(result.configs.map((one) => [one.file, one.text])),
    files: result.configs.map(({ file }) => file),
    fateOf,
  };
}

const sync = (more: string, from = '/srv/web', to = 'h2:/srv/web') =>
  `sync{ default.rsync, source = "${from}", target = "${to}", ${more} }\n`;
const subscriberOf = (more: string) => imported(sync(more)).configs.get('subscriber.yml');

describe('keys of a sync', () => {
  test.each([
    ['delete = true', { delete: 'propagate', join: 'trash' }],
    ['', { delete: 'propagate', join: 'trash' }],
    ['delete = false', { delete: 'keep', join: 'merge' }],
    ['delete = "startup"', { delete: 'keep', join: 'trash' }],
    ['delete = "running"', { delete: 'propagate', join: 'merge' }],
    ['delay = 0', { poll: { activeMs: 1000, idleMs: 1000 } }],
    ['delay = "60"', { poll: { activeMs: 1000, idleMs: 60_000 } }],
    ['delay = 15', { poll: { activeMs: 1000, idleMs: 15_000 } }],
    ['exclude = { "*.tmp", "/cache/" }', { exclude: ['*.tmp', '/cache/'] }],
    ['exclude = "a/b"', { exclude: ['**/a/b'] }],
    ['filter = { "+ /a", "- *" }', { exclude: ['*', '!/a'] }],
    ['rsync = { _extra = { "--exclude=x", "--exclude", "y" } }', { exclude: ['x', 'y'] }],
    ['rsync = { chown = "www-data:www-data" }', { metadata: { owner: 'www-data', group: 'www-data', fileMode: null, dirMode: null } }],
    ['rsync = { chmod = "D755,F644" }', { metadata: { owner: null, group: null, fileMode: 0o644, dirMode: 0o755 } }],
    ['rsync = { chmod = "Du=rwx,Dgo=rx,Fu=rw,Fgo=r" }', { metadata: { fileMode: 0o644, dirMode: 0o755 } }],
    ['rsync = { chmod = "ug+w" }', { metadata: 'preserve' }],
    ['rsync = { archive = true }', { metadata: 'preserve' }],
  ])('%s', (more, expected) => expect(subscriberOf(more)).toMatchObject({ shares: [{ role: 'subscriber', ...expected }] }));

  test.each([
    ['rsync = { bwlimit = 100 }', 'bwlimit', 'missing'],
    ['rsync = { acls = true }', 'acls', 'missing'],
    ['rsync = { acls = false }', 'acls', 'unneeded'],
    ['rsync = { links = false }', 'links', 'missing'],
    ['rsync = { compress = true }', 'compress', 'unneeded'],
    ['rsync = { constructor = true }', 'constructor', 'missing'],
    ['rsyncOpts = "-avz --bwlimit=5"', '--bwlimit', 'missing'],
    ['rsyncOpts = { "-e", "ssh -p 22", "-a" }', '-e', 'unneeded'],
    ['rsyncOps = "-Q"', '-Q', 'missing'],
    ['maxProcesses = 4', 'maxProcesses', 'unneeded'],
    ['maxDelays = 4', 'maxDelays', 'unneeded'],
    ['init = false', 'init', 'missing'],
    ['ssh = { port = 22 }', 'ssh', 'unneeded'],
    ['crontab = { "0 * * * *" }', 'crontab', 'missing'],
    ['colour = "red"', 'colour', 'missing'],
    ['delete = "often"', 'delete = "often"', 'missing'],
    ['delay = "soon"', 'delay', 'missing'],
    ['exclude = { 7 }', 'exclude', 'missing'],
    ['excludeFrom = "/none"', '/none', 'missing'],
  ])('%s', (more, what, fate) => expect(imported(sync(more)).fateOf(what)).toContain(fate));

  test('mode and owner are said to be carried over where lsyncd was not told to', () => {
    const told = (more: string) => imported(sync(more)).findings.filter(({ text }) => text.startsWith('mode, owner')).length;
    expect(told('')).toBe(1);
    for (const more of ['rsync = { archive = true }', 'rsync = { perms = true, owner = true, group = true }', 'rsyncOpts = "-a"'])
      expect(told(more)).toBe(0);
    expect(told('rsync = { archive = true, owner = false }')).toBe(1);
  });

  test('a base table gives what the block does not say', () => {
    const text =
      'base = { default.rsync, delay = 2, rsync = { archive = true } }\nsync{ base, source = "/a/b", target = "h:/c", delay = 3 }';
    expect(imported(text).configs.get('subscriber.yml')).toMatchObject({
      shares: [{ path: '/c', poll: { idleMs: 3000 }, metadata: 'preserve' }],
    });
  });
});

describe('settings', () => {
  test.each([
    ['pidfile = "/run/x"', 'pidfile', 'unneeded'],
    ['nodaemon = true', 'nodaemon', 'unneeded'],
    ['insist = true', 'insist', 'unneeded'],
    ['inotifyMode = "Modify"', 'inotifyMode', 'unneeded'],
    ['maxProcesses = 2', 'maxProcesses', 'unneeded'],
    ['maxDelays = 2', 'maxDelays', 'unneeded'],
    ['statusInterval = 2', 'statusInterval', 'unneeded'],
    ['logfacility = "user"', 'logfacility', 'missing'],
    ['logfile = "/var/log/l"', 'logfile', 'carried'],
    ['logfile = {}', 'logfile', 'missing'],
    ['statusFile = "/var/log/s"', 'statusFile', 'carried'],
    ['statusFile = "s"', 'statusFile', 'missing'],
    ['shiny = 1', 'shiny', 'missing'],
  ])('%s', (more, what, fate) => expect(imported(`settings{ ${more} }${sync('')}`).fateOf(what)).toEqual([fate]));

  test('one status file tells of all shares of the publisher', () => {
    const { configs } = imported(`settings{ statusFile = "/run/l.status" }${sync('')}${sync('', '/srv/two', 'h2:/srv/two')}`);
    const statusFile = { path: '/run/l.status' };
    expect(configs.get('publisher.yml')).toMatchObject({ shares: [{ statusFile }, { statusFile }] });
    expect(configs.get('subscriber.yml')).toMatchObject({ shares: [{ statusFile: null }, { statusFile: null }] });
  });

  test('delay of the settings holds where a block has none', () => {
    const text = `settings{ delay = 3 }${sync('')}${sync('delay = 7', '/srv/two', 'h2:/srv/two')}`;
    expect(imported(text).configs.get('subscriber.yml')).toMatchObject({
      shares: [{ poll: { idleMs: 3000 } }, { poll: { idleMs: 7000 } }],
    });
  });
});

describe('sources and targets', () => {
  test.each([
    ['target = "h2:/a/"', '/a'],
    ['target = "root@h2:/a//b"', '/a/b'],
    ['target = "[::1]:/a"', '/a'],
    ['host = "user@h2", targetdir = "/a"', '/a'],
    ['target = "h2::module/x"', '/to'],
    ['target = "rsync://h2:873/module"', '/to'],
    ['target = "h2:backup"', '/to'],
    ['', '/to'],
  ])('%s', (where, path) => {
    const { configs } = imported(`sync{ default.rsync, source = "/srv/web/", ${where} }`);
    expect(configs.get('publisher.yml')).toMatchObject({ shares: [{ name: 'web', path: '/srv/web' }] });
    const file = where.includes('::1') ? 'subscriber-local.yml' : 'subscriber.yml';
    expect(configs.get(file)).toMatchObject({ shares: [{ name: 'web', path }] });
  });

  test('several sources become several shares with names of their own', () => {
    const text = sync('', '/var/www/a/html', 'h2:/w/a') + sync('', '/var/www/b/html', 'h2:/w/b') + sync('', '/srv/größe', 'h2:/w/c');
    const names = ['a-html', 'b-html', 'gr-e'];
    for (const file of ['publisher.yml', 'subscriber.yml'])
      expect(imported(text).configs.get(file)).toMatchObject({ shares: names.map((name) => ({ name })) });
  });

  test('targets that differ get a config each; what only some exclude the publisher publishes', () => {
    const text = sync('exclude = { "*.tmp", "*.log" }', '/srv/web', 'h1:/a') + sync('exclude = "*.tmp"', '/srv/web', 'h2:/b');
    const { files, configs } = imported(text);
    expect(files).toEqual(['publisher.yml', 'subscriber-h1.yml', 'subscriber-h2.yml']);
    expect(configs.get('publisher.yml')).toMatchObject({ shares: [{ exclude: ['*.tmp'] }] });
    expect(configs.get('subscriber-h1.yml')).toMatchObject({ shares: [{ path: '/a', exclude: ['*.tmp', '*.log'] }] });
    expect(configs.get('subscriber-h2.yml')).toMatchObject({ shares: [{ path: '/b', exclude: ['*.tmp'] }] });
  });

  test('one source brought twice to a host needs two configs there, and each its state', () => {
    const { files, configs } = imported(sync('', '/srv/web', 'h1:/a/x') + sync('', '/srv/web', 'h1:/b/y'));
    expect(files).toEqual(['publisher.yml', 'subscriber-h1.yml', 'subscriber-h1_2.yml']);
    expect(configs.get('subscriber-h1_2.yml')).toMatchObject({ state: '/var/lib/flocksync-2', shares: [{ path: '/b/y' }] });
  });

  test('a target on this machine is a second member, unless it lies beside the source', () => {
    expect(imported(sync('', '/srv/web', '/backup/web')).configs.get('subscriber-local.yml')).toMatchObject({
      state: '/var/lib/flocksync-local',
    });
    const beside = imported(sync('', '/srv/web', '/srv/copy'));
    expect(beside.fateOf('target "/srv/copy"')).toEqual(['missing']);
  });

  test('a source inside another one goes along where it went to the same place, and is left out otherwise', () => {
    const outer = sync('', '/srv/web', 'h2:/w');
    expect(imported(outer + sync('', '/srv/web/img', 'h2:/w/img')).fateOf('source')).toEqual(['unneeded']);
    expect(imported(sync('', '/srv/web/img', 'h3:/w/img') + outer).fateOf('source')).toEqual(['missing']);
    expect(imported(outer + sync('', '/srv/website', 'h2:/x')).fateOf('source')).toEqual([]);
  });

  test('targets inside one another are told before the config reader does', () => {
    const { configs } = imported(sync('', '/srv/a', 'h2:/w') + sync('', '/srv/b', 'h2:/w/b'));
    expect(configs.get('subscriber.yml')).toMatchObject({ faults: [expect.stringContaining('lie inside one another')] });
  });

  test('a behaviour of its own is left out', () => {
    const own = imported(`bash = { onCreate = "cp" }\nsync{ bash, source = "/a", target = "/b/c" }${sync('onStartup = "x"')}`);
    expect(own.configs.get('publisher.yml')).toMatchObject({ shares: [{ path: '/srv/web' }] });
    expect([own.fateOf('sync')[0], own.fateOf('onStartup')]).toEqual(['missing', ['missing']]);
    const { fateOf, configs } = imported('bash = { onCreate = "cp" }\nsync{ default.other, source = "/a", target = "h:/b" }');
    expect(fateOf('sync')).toEqual(['missing']);
    expect(configs.get('publisher.yml')).toMatchObject({ shares: [{ path: '/from' }] });
  });
});

test('texts of the config cannot break out of theirs', () => {
  const variable = ['$', '{HOME}'].join('');
  const hostile = `x: \\"} # [${variable}] \\\\ é`;
  const { configs, texts } = imported(sync(`exclude = { "${hostile}" }`, `/srv/a # b: ${variable}`, "h2:/srv/'q\\\"' - x"));
  expect(configs.get('publisher.yml')).toMatchObject({
    shares: [{ path: `/srv/a # b: ${variable}`, exclude: [`x: "} # [${variable}] \\ é`] }],
  });
  expect(configs.get('subscriber.yml')).toMatchObject({ shares: [{ path: "/srv/'q\"' - x" }] });
  const split = imported('sync{ default.rsync, source = "/srv/a\\nshares: []", target = "h:/b" } -- x');
  expect([...split.texts.values()].join('')).not.toContain('\nshares: []');
  expect(
    [...texts.values()]
      .join('')
      .split('\n')
      .filter((line) => line.startsWith('shares:')),
  ).toHaveLength(2);
});

test('the report fits the screen, and says what is told twice once', () => {
  const { configs: _, ...result } = imported(sync('rsyncOpts = "-ltpgo"') + sync('', '/srv/web', 'h3:/srv/web'));
  const lines = reportLines('l.conf', importedConfigs(result.texts), result.findings);
  expect(lines.filter((line) => line.length > 100)).toEqual([]);
  expect(lines.filter((line) => line.includes('so by itself'))).toEqual([expect.stringContaining('line 1: -l, -t, -p, -g, -o:')]);
  expect(lines.filter((line) => line.includes('delete (true unless said)'))).toEqual([expect.stringContaining('line 1, 2: ')]);
});

function importedConfigs(texts: ReadonlyMap<string, string>) {
  return [...texts].map(([file, text]) => ({ file, text, about: 'for h', faults: [] }));
}
