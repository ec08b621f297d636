import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { importLsyncd } from '../../src/cli/import/lsyncd.ts';
import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config-types.ts';
import { projectRoot } from '../source.ts';

/** Configs as texts about lsyncd print them, byte by byte: with `...`, prompts, typographic quotes and misspelt keys. */
const directory = join(projectRoot, 'test/cli/lsyncd');
const names = readdirSync(directory).filter((name) => name.endsWith('.conf'));
const variables = { FLOCKSYNC_BUCKET: 's3://shop', FLOCKSYNC_SOURCE: '/srv/from', FLOCKSYNC_TARGET: '/srv/to' };

function imported(name: string, readLines: (path: string) => readonly string[] | null = () => null) {
  const result = importLsyncd(readFileSync(join(directory, name), 'utf8'), { from: name, federation: 'web', bucket: null }, readLines);
  if (!result.ok) throw new Error(`line ${result.line}: ${result.message}`);
  const read = (text: string): Config => {
    const loaded = loadConfig(text, name, { variables, hostName: 'h', realpath: () => null });
    if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
    return loaded.config;
  };
  return { ...result, read: new Map(result.configs.map(({ file, text }) => [file, read(text)])) };
}

test('there are texts', () => expect(names.length).toBe(8));

test.each(names)('%s becomes configs that the config reader takes', (name) => {
  const { configs, read, findings } = imported(name);
  expect(configs.map(({ file }) => file)).toEqual(['publisher.yml', 'subscriber.yml']);
  expect(configs.flatMap(({ faults }) => faults)).toEqual([]);
  expect(read.get('publisher.yml')?.shares.map(({ role, mode }) => [role, mode])).toEqual([['publisher', 'lightweight']]);
  expect(read.get('subscriber.yml')?.shares.map(({ role }) => role)).toEqual(['subscriber']);
  expect(read.get('subscriber.yml')?.federation).toBe('web');
  expect(findings.length).toBeGreaterThan(0);
});

test.each(names)('%s without a bucket is refused with the name of what is missing', (name) => {
  for (const { text } of imported(name).configs) {
    const loaded = loadConfig(text, name, { variables: {}, hostName: 'h', realpath: () => null });
    expect(loaded).toMatchObject({ ok: false });
    if (!loaded.ok) expect(loaded.faults[0]?.message).toContain('set FLOCKSYNC_BUCKET');
  }
});

test('a loop over four targets is one share with four subscribers', () => {
  const { configs, read, findings } = imported('four-targets.conf');
  expect(configs[1]?.about).toBe('for 10.0.1.23, 10.0.1.24, 10.0.1.25, 10.0.1.26');
  expect(read.get('publisher.yml')?.shares).toMatchObject([{ name: 'tjstein.com', path: '/var/www/tjstein.com' }]);
  expect(read.get('subscriber.yml')?.shares).toMatchObject([{ name: 'tjstein.com', path: '/var/www/tjstein.com', delete: 'propagate' }]);
  expect(read.get('subscriber.yml')?.log).toBe('/var/log/flocksync.jsonl');
  expect(findings.filter(({ line }) => line === 1).map(({ text }) => text)).toEqual([expect.stringContaining('`settings = {`')]);
  expect(findings.filter(({ what }) => what === '-u')).toMatchObject([{ fate: 'missing', line: 18 }]);
});

test('two targets that differ in nothing but lines of the file share a config', () => {
  const { configs, read } = imported('replicate.conf', (path) => (path === '/etc/lsyncd.exclude' ? ['*.tmp', '# no', '/cache/'] : null));
  expect(configs[1]?.about).toBe('for svsm2019student2, svsm2019student3');
  for (const config of read.values()) expect(config.shares).toMatchObject([{ path: '/mnt/sync', exclude: ['*.tmp', '/cache/'] }]);
});

test('patterns that cannot be read are missed in the config too', () => {
  const { configs, findings } = imported('replicate.conf');
  for (const { text } of configs) expect(text).toContain('# exclude: the patterns of /etc/lsyncd.exclude');
  expect(findings.filter(({ what }) => what === '"/etc/lsyncd.exclude"').map(({ fate }) => fate)).toEqual(['missing', 'missing']);
});

test('misspelt keys are read as what was meant, and that is told', () => {
  const told = (name: string) =>
    imported(name)
      .findings.filter(({ text }) => text.startsWith('read as'))
      .map(({ what, text }) => `${what} ${text}`);
  expect(told('training-settings.conf')).toEqual(['statusIntervall read as `statusInterval`']);
  expect(told('training-delay.conf')).toEqual(['Delay read as `delay`']);
  expect(imported('training-delay.conf').read.get('subscriber.yml')?.shares[0]).toMatchObject({
    path: '/srv/to',
    poll: { activeMs: 1000, idleMs: 5000 },
  });
});
