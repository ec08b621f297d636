import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { expandShares, rootForShare } from '../../src/adapters/share-roots.ts';
import { loadConfig } from '../../src/config.ts';
import type { Config } from '../../src/config-types.ts';
import { documented } from '../documented.ts';
import { temporaryDirectory } from './temporary.ts';

function configOf(directory: string, ...shares: { name: string; path: string }[]): Config {
  const text = JSON.stringify({ federation: 'f', datastore: { url: 's3://bucket' }, shares });
  const result = loadConfig(text, 'f', { variables: {}, hostName: 'h', realpath: () => null });
  if (!result.ok) throw new Error(`${directory} ${JSON.stringify(result.faults)}`);
  return result.config;
}

async function expand(config: Config, ...federationShares: string[]) {
  const { shares, problems } = await expandShares(config, { federationShares });
  return {
    roots: Object.fromEntries(shares.map((share) => [share.name, share.path])),
    problems: problems.map((one) => `${one.share} ${one.code}`),
  };
}

function make(directory: string, ...names: (string | Buffer)[]): void {
  for (const name of names) mkdirSync(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(name)]), { recursive: true });
}

const hostile = [
  'a b',
  'new\nline',
  '\nfirst',
  'quote\'"`',
  '-dash',
  '.hidden',
  '*',
  '?[x]',
  '{a,b}',
  '!x',
  '(a|b)',
  'a~b',
  '100%41',
  '\\',
  'größe',
  '...',
  '$(id)',
  '~',
  ' ',
];

test('each matching directory is a share, whatever its name, and its name leads back to it', async () => {
  const directory = temporaryDirectory();
  make(directory, ...hostile.map((name) => `${name}/html`), 'without');
  writeFileSync(join(directory, 'file'), '');
  const config = configOf(directory, { name: 'web', path: `${directory}/*/html` });
  const { roots, problems } = await expand(config);
  expect(Object.values(roots).sort()).toEqual(hostile.map((name) => `${directory}/${name}/html`).sort());
  expect(problems).toEqual([]);
  for (const [name, path] of Object.entries(roots)) {
    expect(name).toMatch(/^web-[A-Za-z0-9._%-]+$/);
    expect(rootForShare({ name: 'web', pattern: `${directory}/*/html` }, name)).toBe(path);
  }
});

test("settings are the pattern's, and no share keeps a pattern", async () => {
  const directory = temporaryDirectory();
  make(directory, 'a');
  const config = configOf(directory, { name: 'web', path: `${directory}/*` });
  expect((await expandShares(config, { federationShares: [] })).shares).toEqual([
    { ...config.shares[0], name: 'web-a', path: `${directory}/a`, pattern: null, fixedPart: directory },
  ]);
});

test('several wildcards, joined by ~', async () => {
  const directory = temporaryDirectory();
  make(directory, 'eu/sites/one', 'us/sites/two', 'us/other/three');
  expect((await expand(configOf(directory, { name: 'web', path: `${directory}/*/sites/*` }))).roots).toEqual({
    'web-eu~one': `${directory}/eu/sites/one`,
    'web-us~two': `${directory}/us/sites/two`,
  });
});

test('wildcards narrower than *, and fixed parts with glob characters', async () => {
  const directory = temporaryDirectory();
  make(directory, '[x]/site1', '[x]/site22', '[x]/etc', 'x/site3');
  expect((await expand(configOf(directory, { name: 'web', path: `${directory}/\\[x\\]/site[0-9]*` }))).roots).toEqual({
    'web-site1': `${directory}/[x]/site1`,
    'web-site22': `${directory}/[x]/site22`,
  });
});

test('a share of the bucket gets its root from its name; one that has vanished keeps it; others are not ours', async () => {
  const directory = temporaryDirectory();
  make(directory, 'a');
  const config = configOf(directory, { name: 'web', path: `${directory}/*` }, { name: 'etc', path: '/etc/nginx' });
  expect((await expand(config, 'web-new', 'web-a', 'web-..', 'web-a%2Fb', 'other', 'etc', 'web')).roots).toEqual({
    'web-a': `${directory}/a`,
    'web-new': `${directory}/new`,
    etc: '/etc/nginx',
  });
});

test('staging areas beside the roots are no shares', async () => {
  const directory = temporaryDirectory();
  make(directory, 'a', '.flocksync-web-a', '.flocksync');
  expect((await expand(configOf(directory, { name: 'web', path: `${directory}/*` }), 'web-.flocksync-web-a')).roots).toEqual({
    'web-a': `${directory}/a`,
  });
});

test('links are not followed, neither found ones nor those that a name of the bucket would go through', async () => {
  const directory = temporaryDirectory();
  make(directory, 'outside/html', 'www/real/html', 'www/half');
  symlinkSync('../outside', join(directory, 'www/link'));
  symlinkSync('../../outside/html', join(directory, 'www/half/html'));
  const config = configOf(directory, { name: 'web', path: `${directory}/www/*/html` });
  expect(await expand(config)).toEqual({ roots: { 'web-real': `${directory}/www/real/html` }, problems: [] });
  expect(await expand(config, 'web-link', 'web-half')).toEqual({
    roots: { 'web-real': `${directory}/www/real/html` },
    problems: ['web-half link', 'web-link link'],
  });
  const { problems } = await expandShares(config, { federationShares: ['web-link'] });
  expect(problems[0]?.message).toMatch(documented('link'));
});

test("a link before the first wildcard is the administrator's", async () => {
  const directory = temporaryDirectory();
  make(directory, 'disk/a');
  symlinkSync('disk', join(directory, 'www'));
  expect((await expand(configOf(directory, { name: 'web', path: `${directory}/www/*` }))).roots).toEqual({ 'web-a': `${directory}/www/a` });
});

test('a directory that cannot be searched is a problem, and known shares stay', async () => {
  const directory = temporaryDirectory();
  const config = configOf(directory, { name: 'web', path: `${directory}/www/*/html` });
  expect(await expand(config, 'web-a')).toEqual({ roots: { 'web-a': `${directory}/www/a/html` }, problems: ['web unreadable'] });
  make(directory, 'www');
  expect(await expand(config)).toEqual({ roots: {}, problems: [] });
  rmSync(join(directory, 'www'), { recursive: true });
  writeFileSync(join(directory, 'www'), '');
  expect((await expand(config)).problems).toEqual(['web unreadable']);
  const { problems } = await expandShares(config, { federationShares: [] });
  expect(problems[0]?.message).toMatch(documented('unreadable'));
});

test('names that cannot be shares are said, the others go on', async () => {
  const directory = temporaryDirectory();
  make(directory, 'a', 'b', 'x'.repeat(240), Buffer.from([0x78, 0xff]));
  const config = configOf(directory, { name: 'web', path: `${directory}/*` }, { name: 'web-b', path: '/srv/b' });
  const { shares, problems } = await expandShares(config, { federationShares: ['web-b'] });
  expect(shares.map((share) => share.path)).toEqual([`${directory}/a`, '/srv/b']);
  for (const { message } of problems) expect(message).toMatch(documented('name'));
  expect(problems.map((one) => one.message).sort()).toEqual([
    expect.stringContaining('would be share "web-b"'),
    expect.stringContaining('"x\\xff" has a name that is not UTF-8'),
    expect.stringContaining('makes a share name that is too long'),
  ]);
});

test('a name that both a share and a pattern could have belongs to the share', async () => {
  const directory = temporaryDirectory();
  make(directory, 'a');
  const config = configOf(directory, { name: 'web', path: `${directory}/*` }, { name: 'web-b', path: '/srv/b' });
  expect(await expand(config, 'web-b')).toEqual({ roots: { 'web-a': `${directory}/a`, 'web-b': '/srv/b' }, problems: [] });
});

test('matches of two patterns that lie inside one another are not both shares', async () => {
  const directory = temporaryDirectory();
  make(directory, 'a/html', 'b');
  const config = configOf(directory, { name: 'outer', path: `${directory}/*` }, { name: 'inner', path: `${directory}/*/html` });
  expect(await expand(config)).toEqual({
    roots: { 'outer-a': `${directory}/a`, 'outer-b': `${directory}/b` },
    problems: ['inner-a overlap'],
  });
  const { problems } = await expandShares(config, { federationShares: [] });
  expect(problems[0]?.message).toMatch(documented('overlap'));
});
