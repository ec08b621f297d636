import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { compileExcludes } from '../../src/adapters/excludes.ts';
import { openMember } from '../../src/adapters/member-file.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import { importLsyncd } from '../../src/cli/import/lsyncd.ts';
import { reportLines } from '../../src/cli/import/report.ts';
import { decodeRequest } from '../../src/model/request.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { faultsOf, head, loadText } from '../config-text.ts';
import { encode, judge, sample, signed } from '../model/snapshot-samples.ts';
import { projectRoot } from '../source.ts';

// What fuzzing has found, each by its smallest input.

const deep = `${'['.repeat(20_000)}1${']'.repeat(20_000)}`;

test('R-H1: a snapshot whose format is nested deeper than the stack is refused', () => {
  const whole = encode(sample).toString('latin1', 0, encode(sample).length - 32);
  const nested = whole.replace(/("historyMs":)\d+/, `$1${deep}`);
  expect(nested.length).toBeGreaterThan(whole.length + 30_000);
  expect(judge(signed(Buffer.from(nested, 'latin1')))).toMatch(/^bad: historyMs/);
});

test('a request whose operation is nested deeper than the stack is refused', () => {
  expect(decodeRequest(JSON.parse(`{"op":${deep}}`))).toEqual({
    refused: 'unknown',
    text: 'this release does not know the operation that is a object',
  });
});

test.each([
  ['lists without an end', '['.repeat(20_000)],
  ['lists in lists', `a: ${deep}`],
  ['mappings in mappings', '{a: '.repeat(20_000)],
  ['items of items', '- '.repeat(20_000)],
])('a config of %s is refused in one sentence', (_, text) => {
  expect(faultsOf(text)).toEqual(['0: the file is nested too deeply: is there a bracket that nothing closes?']);
});

test('a key of any length and with any character is told in a line that fits a terminal', () => {
  const [fault = ''] = faultsOf(`${head}? ${'x'.repeat(70_000)}\n: 1\nshares: [{ name: a, path: /a }]\n`);
  expect(fault).toMatch(/^3: `x+ … .*is not a known key/);
  expect(fault.length).toBeLessThan(1100);
  expect(faultsOf(`${head}"\\e[2J": 1\nshares: [{ name: a, path: /a }]\n`)[0]).toContain('`\\u001b[2J` is not a known key');
  expect(faultsOf(`${head}"\\x9b[2J": 1\nshares: [{ name: a, path: /a }]\n`)[0]).toContain('`\\u009b[2J` is not a known key');
});

test('of a hundred thousand faults the first hundred are told', () => {
  const faults = faultsOf('kk: v\n'.repeat(5_000));
  expect(faults).toHaveLength(101);
  expect(faults.at(-1)).toBe('0: there are 4903 more faults');
});

test('thousands of shares are refused before each is compared with all others', () => {
  const shares = Array.from({ length: 5_000 }, (_, at) => `  - { name: a${at}, path: /a${at} }\n`).join('');
  expect(faultsOf(`${head}shares:\n${shares}`)).toEqual([
    '4: `shares` lists 5000 shares; at most 2000 are read: one with a pattern stands for many',
  ]);
});

test('what an lsyncd.conf holds reaches no terminal as it is', () => {
  const wanted = { from: 'lsyncd.conf', federation: 'web', bucket: null };
  expect(importLsyncd('a\0b', wanted, () => null)).toEqual({
    ok: false,
    line: 1,
    message: "this is no Lua that can be read: unexpected symbol ' ' near 'a'",
  });
  const long = importLsyncd(`x = ${'y'.repeat(70_000)}`, wanted, () => null);
  expect(long.ok ? 0 : long.message.length).toBe(400);
  const known = importLsyncd(`settings { ${'y'.repeat(70_000)} = 1 }`, wanted, () => null);
  expect(known.ok ? Math.max(...reportLines('f', known.configs, known.findings).map(({ length }) => length)) : 0).toBeLessThan(3000);
});

test.each(['x[/a', '!x[/a', '[[^/]', ') *[?? /'])(
  'the pattern %s, with a bracket that nothing closes, is no end of all looks',
  (pattern) => {
    const excluded = compileExcludes([pattern, '*.log']);
    expect([excluded('x', false), excluded('a.log', false), excluded('x[/a', false)]).toEqual([false, true, pattern === 'x[/a']);
  },
);

test('a pattern that the library cannot read excludes rather more than less', () => {
  const excluded = compileExcludes(['\\$\\\\(a[a{.']);
  expect([excluded('$\\(a[a{.', false), excluded('x', false)]).toEqual([true, false]);
});

test.each(['constructor', 'toString', 'valueOf'])('a share called %s has no position before it has one', (name) => {
  const member = openMember(temporaryDirectory(), 'web01', systemRandom);
  expect(member.lastKnown(name)).toBeUndefined();
  member.remember(name, '2'.repeat(32), 7);
  expect(member.lastKnown(name)).toEqual({ shareId: '2'.repeat(32), cursor: 7 });
});

test.each(['/srv/a*', '/srv/[ab]', '/srv/x?', '/srv/{a,b}', '/srv/a\\b', '/srv/**', '/srv/{a/b}'])(
  'the directory %s in include_list= of datasync is that directory, and no pattern',
  (directory) => {
    const script = '. ./datasync.sh; quoted "$(plain_path "$1")"';
    const ran = spawnSync('bash', ['-c', script, 'x', directory], { cwd: join(projectRoot, 'scripts'), encoding: 'utf8' });
    const loaded = loadText(`${head}shares: [{ name: a, path: ${ran.stdout} }]\n`);
    expect(loaded.ok ? loaded.config.shares.map(({ path, pattern }) => [path, pattern]) : loaded.faults).toEqual([[directory, null]]);
  },
);
