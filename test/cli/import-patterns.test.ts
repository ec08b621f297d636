import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compileExcludes } from '../../src/adapters/excludes.ts';
import { translateRules } from '../../src/cli/import/filter-rules.ts';

const patternsOf = (...texts: string[]) =>
  translateRules(texts.map((text) => ({ text, line: 1, from: 'exclude' }))).patterns.map((one) => one.text);

test.each([
  ['*.tmp', ['*.tmp']],
  ['/cache/', ['/cache/']],
  ['foo/bar', ['**/foo/bar']],
  ['/foo/bar', ['/foo/bar']],
  ['foo/***', ['foo/']],
  ['/a/**/b', ['/a/*/**/b']],
  ['**/node_modules', ['**/node_modules']],
  ['/a**b', ['/a*b', '/a*/**/*b']],
  ['a?c', ['a?c']],
  ['- *.bak', ['*.bak']],
  ['#no', []],
  ['; no', []],
  ['back\\slash', ['back\\\\slash']],
  ['with\\*star', ['with\\*star']],
  ['!important.txt', ['\\!important.txt']],
  ['end ', ['end\\ ']],
])('%s', (text, expected) => expect(patternsOf(text)).toEqual(expected));

test('the first rule that fits wins in rsync, the last one in gitignore', () => {
  expect(patternsOf('+ /keep.txt', '*.txt')).toEqual(['*.txt', '!/keep.txt']);
  expect(patternsOf('*.a', '!', '*.b')).toEqual(['*.b']);
  expect(patternsOf('*.a', '*.b', '*.a')).toEqual(['*.b', '*.a']);
});

test.each(['/', 'a//b', '[[:digit:]]x', 'P secret', 'merge /etc/filter', 'a**b**c**d**e', '**/***'])(
  '%s has no equivalent, and is said to have none',
  (text) => {
    const { patterns, refused } = translateRules([{ text, line: 3, from: 'filter' }]);
    expect(patterns).toEqual([]);
    expect(refused).toEqual([{ rule: { text, line: 3, from: 'filter' }, why: expect.stringMatching(/\w{3}/) }]);
  },
);

const hasRsync = spawnSync('rsync', ['--version']).status === 0;

describe.skipIf(!hasRsync)('what rsync leaves out, flocksync leaves out', () => {
  const parts = ['a', 'b', 'ab', 'a.b', 'x'];
  const files = parts.flatMap((one) => [one === 'x' ? 'x/x/x' : `${one}/f`, ...parts.map((two) => `${one}/d/${two}`), `b/${one}/a/ab`]);
  let root: string;

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'flocksync-rules-'));
    for (const file of [...files, 'ab.a', 'c']) {
      mkdirSync(dirname(join(root, 'tree', file)), { recursive: true });
      writeFileSync(join(root, 'tree', file), '');
    }
    mkdirSync(join(root, 'none'));
  });

  afterAll(() => rmSync(root, { recursive: true, force: true }));

  /** Paths that rsync would send, directories with a slash at the end. */
  function sent(rules: readonly string[]): string[] {
    const input = `${rules.join('\n')}\n`;
    const all = execFileSync('rsync', ['-rn', '--out-format=%n', '--exclude-from=-', `${root}/tree/`, `${root}/none/`], {
      input,
      encoding: 'utf8',
    });
    return all
      .split('\n')
      .filter((path) => path !== '' && path !== './')
      .sort();
  }

  function kept(all: readonly string[], rules: readonly string[]): string[] {
    const excluded = compileExcludes(patternsOf(...rules));
    const isOut = (path: string) => excluded(path.replace(/\/$/, ''), path.endsWith('/'));
    const above = (path: string) => [...path.matchAll(/\//g)].map((found) => path.slice(0, found.index + 1));
    return all.filter((path) => !isOut(path) && above(path).every((directory) => !isOut(directory)));
  }

  test('for rules of every shape', () => {
    const all = sent([]);
    expect(all.length).toBeGreaterThan(40);
    const name = fc.constantFrom('a', 'b', 'ab', 'x', 'd', '*', '**', 'a*', '*b', 'a**b', '?b', '[ab]', 'a.b', '*.*');
    const pattern = fc
      .record({
        sign: fc.constantFrom('', '', '- ', '+ '),
        start: fc.constantFrom('', '/'),
        names: fc.array(name, { minLength: 1, maxLength: 3 }),
        end: fc.constantFrom('', '', '/', '/***'),
      })
      .map(({ sign, start, names, end }) => sign + start + names.join('/') + end)
      .filter((text) => !text.endsWith('**/***') || /[^*+/ -]/.test(text));
    const law = fc.property(fc.array(pattern, { minLength: 1, maxLength: 3 }), (rules) => {
      expect(kept(all, rules)).toEqual(sent(rules));
    });
    fc.assert(law, { numRuns: 50, seed: 7 });
  });
});
