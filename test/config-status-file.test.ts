import { expect, test } from 'vitest';
import { formatFault } from '../src/config.ts';
import { statusPathOf } from '../src/config-status-file.ts';
import { faultsOf, head, loadText, withShare } from './config-text.ts';

function sharesOf(text: string) {
  const loaded = loadText(text);
  if (!loaded.ok) throw new Error(loaded.faults.map(formatFault).join('\n'));
  return loaded.config.shares;
}

const plain = { format: 'datasync', goodForMs: 300_000 };

test.each([
  ['statusFile: datasync.status', { ...plain, path: 'datasync.status' }, '/var/www/html/datasync.status'],
  ['statusFile: ./a//b', { ...plain, path: 'a/b' }, '/var/www/html/a/b'],
  ['statusFile: /run/x/./s', { ...plain, path: '/run/x/s' }, '/run/x/s'],
  [
    'statusFile: { path: s.json, format: json, goodFor: 25m }',
    { path: 's.json', format: 'json', goodForMs: 1_500_000 },
    '/var/www/html/s.json',
  ],
])('%s', (line, expected, path) => {
  const [share] = sharesOf(withShare(line));
  expect(share?.statusFile).toEqual(expected);
  expect(share === undefined ? null : statusPathOf(share)).toBe(path);
});

test.each([
  ['statusFile:', '6: `statusFile` has no value: write one, or remove the line for the default'],
  ['statusFile: 5', '6: `statusFile` must be text, found the number "5": write "5" in quotes'],
  ['statusFile: []', '6: `statusFile` must be a mapping of `key: value` lines, found a list'],
  ['statusFile: { format: json }', '6: `path` is missing in `statusFile`'],
  ['statusFile: { path: a, goodfor: 1m }', '6: `goodfor` is not a known key in `statusFile` (did you mean `goodFor`?)'],
  ['statusFile: { path: a, format: xml }', '6: `format` is "xml": use datasync, or json'],
  ['statusFile: { path: a, goodFor: 9s }', '6: `goodFor` is "9s": at least 10000ms are needed'],
  ['statusFile: ../a', '6: `statusFile` is "../a": write the path without ".."'],
  ['statusFile: ~/a', '6: `statusFile` is "~/a": "~" is not expanded here: write an absolute path, or one relative to the root'],
  ['statusFile: a/', '6: `statusFile` is "a/": write the name of a file'],
  ['statusFile: .', '6: `statusFile` is ".": write the name of a file'],
  ['statusFile: "a\\nb"', '6: `statusFile` is "a\\nb": it holds a line break, a NUL character, "*" or "?": choose another name'],
  ['statusFile: "a*"', '6: `statusFile` is "a*": it holds a line break, a NUL character, "*" or "?": choose another name'],
  ['statusFile: /var/www/html', '6: `statusFile` "/var/www/html" is the root of share "webroot": write the name of a file'],
  [
    'statusFile: /var/lib/flocksync/s',
    '6: `statusFile` "/var/lib/flocksync/s" lies in the directory of `state`, which nobody else may read: choose another place',
  ],
  ['statusFile: f.yml', ''],
  [
    'statusFile: /var/www/.flocksync-webroot/s',
    '6: `statusFile` "/var/www/.flocksync-webroot/s" lies in a staging area: choose another place',
  ],
])('%s is refused', (line, fault) => {
  expect(faultsOf(withShare(line))).toEqual(fault === '' ? [] : [fault]);
});

const two = (first: string, second: string) =>
  `${head}shares:\n  - { name: a, path: /srv/a, statusFile: ${first} }\n  - { name: b, path: /srv/b, statusFile: ${second} }\n`;

test('two shares may tell of themselves in one file when it is to look the same', () => {
  expect(sharesOf(two('/srv/a/s', '{ path: /srv/a/s, format: datasync }'))).toHaveLength(2);
  expect(faultsOf(two('s', '{ path: /srv/a/s, goodFor: 1h }'))).toEqual([
    '5: `statusFile` "/srv/a/s" is that of share "a" as well (line 4): give both the same `format` and `goodFor`',
  ]);
});

test('the files of the config itself, of its log and of a directory as datastore are no place', () => {
  const text = (file: string, more = '') =>
    `federation: f\ndatastore: { url: "file:///mnt/b" }\n${more}shares: [{ name: a, path: /srv/a, statusFile: ${file} }]\n`;
  expect(faultsOf(text('/mnt/b/s'))).toEqual(['3: `statusFile` "/mnt/b/s" lies in the datastore: choose another place']);
  expect(faultsOf(text('/var/log/f', 'log: /var/log/f\n'))).toEqual([
    '4: `statusFile` "/var/log/f" is the file of `log`: choose another name',
  ]);
});

test('a pattern makes many shares, so that its status file is named from their roots', () => {
  const of = (file: string) => `${head}shares: [{ name: s, path: "/var/www/*/html", statusFile: ${file} }]\n`;
  expect(sharesOf(of('datasync.status'))[0]?.statusFile?.path).toBe('datasync.status');
  expect(faultsOf(of('/run/s'))).toEqual([
    '3: `statusFile` is "/run/s": many shares would write one file: write it relative to the root, such as datasync.status',
  ]);
});
