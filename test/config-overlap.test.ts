import { expect, test } from 'vitest';
import { faultsOf, head } from './config-text.ts';

function shares(...list: [name: string, path: string][]): string {
  return `shares:\n${list.map(([name, path]) => `  - name: ${name}\n    path: '${path}'\n`).join('')}`;
}

test.each<[string, [string, string][], string[]]>([
  [
    'side by side',
    [
      ['a', '/srv/a'],
      ['b', '/srv/ab'],
    ],
    [],
  ],
  [
    'equal',
    [
      ['a', '/srv/a'],
      ['b', '/srv/./a/'],
    ],
    ['7: share "b" (/srv/a) and share "a" (line 5) (/srv/a) are the same directory: give each its own directory'],
  ],
  [
    'inside',
    [
      ['a', '/srv'],
      ['b', '/srv/b'],
    ],
    ['7: share "b" (/srv/b) and share "a" (line 5) (/srv) lie inside one another: give each its own directory'],
  ],
  [
    'around',
    [
      ['a', '/srv/a/b'],
      ['b', '/srv/a'],
    ],
    ['7: share "b" (/srv/a) and share "a" (line 5) (/srv/a/b) lie inside one another: give each its own directory'],
  ],
  [
    'around state',
    [['a', '/var/lib']],
    ['5: `state` (/var/lib/flocksync) and share "a" (line 5) (/var/lib) lie inside one another: give each its own directory'],
  ],
  [
    'inside state',
    [['a', '/var/lib/flocksync/x']],
    ['5: `state` (/var/lib/flocksync) and share "a" (line 5) (/var/lib/flocksync/x) lie inside one another: give each its own directory'],
  ],
  [
    'staging',
    [
      ['a', '/srv/a'],
      ['b', '/srv/.flocksync-a/x'],
    ],
    [
      '7: share "b" (/srv/.flocksync-a/x) and the staging area of share "a" (line 5) (/srv/.flocksync-a) lie inside one another: give each its own directory',
    ],
  ],
  [
    'pattern around a share',
    [
      ['a', '/srv/*'],
      ['b', '/srv/b/html'],
    ],
    ['7: share "b" (/srv/b/html) and share "a" (line 5) (/srv/*) lie inside one another: give each its own directory'],
  ],
  [
    'share around a pattern',
    [
      ['a', '/srv'],
      ['b', '/srv/*/html'],
    ],
    ['7: share "b" (/srv/*/html) and share "a" (line 5) (/srv) lie inside one another: give each its own directory'],
  ],
  [
    'pattern that misses a share',
    [
      ['a', '/srv/site*'],
      ['b', '/srv/b'],
    ],
    [],
  ],
  [
    'two patterns, decided by their matches',
    [
      ['a', '/srv/*'],
      ['b', '/srv/*/html'],
    ],
    [],
  ],
  [
    'pattern around state',
    [['a', '/var/*']],
    ['5: `state` (/var/lib/flocksync) and share "a" (line 5) (/var/*) lie inside one another: give each its own directory'],
  ],
])('%s', (_, list, faults) => {
  expect(faultsOf(head + shares(...list))).toEqual(faults);
});

test('a file:// datastore inside a share, and one that holds the state', () => {
  const text =
    'federation: shop\ndatastore: { url: file:///srv/a/bucket }\nstate: /srv/a/bucket/state\nshares: [{ name: x, path: /srv/a }]\n';
  expect(faultsOf(text)).toEqual([
    '2: the datastore (/srv/a/bucket) and share "x" (line 4) (/srv/a) lie inside one another: give each its own directory',
    '3: `state` (/srv/a/bucket/state) and share "x" (line 4) (/srv/a) lie inside one another: give each its own directory',
  ]);
});

test('a log file inside a share; one inside state is fine', () => {
  expect(faultsOf(`${head}log: /srv/a/x.log\n${shares(['a', '/srv/a'])}`)).toEqual([
    '3: `log` /srv/a/x.log lies inside share "a" (/srv/a): every line would be a change to publish',
  ]);
  expect(faultsOf(`${head}log: /var/lib/flocksync/x.log\n${shares(['a', '/srv/a'])}`)).toEqual([]);
});

test('links of what exists are resolved', () => {
  const links = { '/var/www': '/srv/web', '/srv/web': '/srv/web' };
  expect(faultsOf(head + shares(['a', '/var/www/html/new'], ['b', '/srv/web/html']), {}, links)).toEqual([
    '7: share "b" (/srv/web/html) and share "a" (line 5) (/var/www/html/new) lie inside one another: give each its own directory',
  ]);
  expect(faultsOf(head + shares(['a', '/var/www/*'], ['b', '/srv/web/html']), {}, links)).toHaveLength(1);
});

test('names of shares are unique, also those that patterns will make', () => {
  expect(faultsOf(head + shares(['a', '/srv/a'], ['a', '/srv/b']))).toEqual([
    '6: `name` "a" is taken by the share on line 4: names are unique in a federation',
  ]);
  expect(faultsOf(head + shares(['a', '/srv/a/*'], ['a-b', '/srv/b/*']))).toEqual([
    '6: `name` "a-b" and "a" (line 4) could name the same share: both are patterns, and one begins with the other and "-"',
  ]);
  expect(faultsOf(head + shares(['a', '/srv/a/*'], ['a-b', '/srv/b']))).toEqual([]);
});
