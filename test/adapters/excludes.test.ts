import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileExcludes, readable, rulesOf } from '../../src/adapters/excludes.ts';
import { tailsOf } from '../../src/model/exclude-tails.ts';
import { fromText } from '../../src/model/path.ts';
import { presetNames, presetPatterns } from '../../src/model/presets.ts';

const names = [
  'a',
  'b',
  'cache',
  '.git',
  'x.log',
  '.x.swp',
  'a b',
  '#a#',
  'ä',
  '[a]',
  'a~',
  'a+b',
  '!a',
  'abc',
  'a\\b',
  '.a.Bcdefg',
  'a.',
  '{a}',
];
const pieces = [
  'a',
  'b',
  'cache',
  '*',
  '?',
  '**',
  '*.log',
  '.*.sw[a-p]',
  '[ab]',
  '[!a]',
  '[^a]',
  '\\#*#',
  '\\*',
  'a b',
  'ä',
  'a+b',
  '.git',
  'a**b',
  '{a}',
  '[',
  'a\\',
  '(a|b)',
  '$a',
  'a ',
];
const pathOf = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 5 }).map((parts) => fromText(parts.join('/')));
const patternOf = fc
  .tuple(
    fc.constantFrom('', '', '/', '!', '**/', '#'),
    fc.array(fc.constantFrom(...pieces), { minLength: 1, maxLength: 3 }),
    fc.constantFrom('', '', '/', '/*', '/**'),
  )
  .map(([start, parts, end]) => `${start}${parts.join('/')}${end}`);

test('the question that is asked first never changes an answer', () => {
  const cases = fc.tuple(
    fc.array(patternOf, { minLength: 1, maxLength: 4 }),
    fc.array(pathOf, { minLength: 1, maxLength: 20 }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(cases, ([patterns, paths, isDirectory]) => {
      const [excluded, plainly] = [compileExcludes(patterns), rulesOf(patterns.map(readable).map(fromText))];
      for (const path of paths) expect(excluded(path, isDirectory), `${JSON.stringify(patterns)} ${path}`).toBe(plainly(path, isDirectory));
    }),
    { numRuns: 2000 },
  );
});

test.each(presetNames)('the lines of %s are all of a form that it knows, and most paths are nothing to it', (name) => {
  const tails = tailsOf(presetPatterns(name).map(fromText));
  const site = [
    'index.php',
    'wp-admin/css/about.css',
    'core/lib/Drupal/Core.php',
    'lib/moodlelib.php',
    'wp-content/uploads/2026/11/photo.jpg',
  ];
  expect(site.filter((path) => tails?.test(path) !== false)).toEqual([]);
});
