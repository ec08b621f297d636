import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodePart, encodePart, nameFault } from '../../src/model/share-name.ts';
import { nameOfMatch, parseSharePath, type SharePattern, segmentsForName } from '../../src/model/share-pattern.ts';

function patternOf(path: string): SharePattern {
  const parsed = parseSharePath(path);
  if (!parsed.ok) throw new Error(parsed.fault);
  return parsed.pattern;
}

/** Any directory name that a file system allows, as bytes. */
const directoryName = fc
  .uint8Array({ minLength: 1, maxLength: 60 })
  .map((bytes) => Buffer.from(bytes).toString('latin1'))
  .filter((name) => !name.includes('/') && !name.includes('\0') && name !== '.' && name !== '..' && !name.startsWith('.flocksync'));

test('every directory name survives the way into a share name and back', () => {
  fc.assert(fc.property(directoryName, (name) => decodePart(encodePart(name)) === name));
});

test('a share made from matches leads back to the same path, whatever the names are', () => {
  const pattern = patternOf('/srv/*/sites/*/html');
  fc.assert(
    fc.property(directoryName, directoryName, (one, two) => {
      const name = nameOfMatch('web', [one, two]);
      if (name === undefined) return;
      expect(name).toMatch(/^[A-Za-z0-9._~%-]+$/);
      expect(segmentsForName(pattern, 'web', name)).toEqual(['srv', one, 'sites', two, 'html']);
    }),
  );
});

test.each([
  ['example.com', 'web-example.com'],
  ['a b', 'web-a%20b'],
  ['a~b', 'web-a%7Eb'],
  ['100%', 'web-100%25'],
  ['\xc3\xbc', 'web-%C3%BC'],
  ['\n', 'web-%0A'],
  ['-rf', 'web--rf'],
])('%j is share %s', (name, share) => {
  expect(nameOfMatch('web', [name])).toBe(share);
});

test('a name that would be too long for a staging directory is none', () => {
  expect(nameOfMatch('web', ['a'.repeat(196)])).toHaveLength(200);
  expect(nameOfMatch('web', ['a'.repeat(197)])).toBeUndefined();
  expect(nameOfMatch('web', ['\x00'.repeat(66)])).toBeUndefined();
});

test.each([
  'web',
  'web-',
  'web-.',
  'web-..',
  'web-%2E%2E',
  'web-a/b',
  'web-a%2Fb',
  'web-a%2fb',
  'web-%00',
  'web-a~b',
  'web-a%',
  'web-a%4',
  'web-a%41',
  'web-ü',
  'web-a b',
  'web-.flocksync-web-a',
  'other-a',
  `web-${'a'.repeat(300)}`,
])('%j, from a hostile bucket, names no path', (name) => {
  expect(segmentsForName(patternOf('/srv/*'), 'web', name)).toBeUndefined();
});

test('a name counts only when its wildcard matches', () => {
  const pattern = patternOf('/srv/site[0-9]*/html');
  expect(segmentsForName(pattern, 'web', 'web-site1')).toEqual(['srv', 'site1', 'html']);
  expect(segmentsForName(pattern, 'web', 'web-etc')).toBeUndefined();
  expect(segmentsForName(patternOf('/srv/*/*'), 'web', 'web-a')).toBeUndefined();
  expect(segmentsForName(patternOf('/srv/*/*'), 'web', 'web-a~')).toBeUndefined();
});

test.each([
  ['webroot', undefined],
  ['A1._-', undefined],
  ['', 'is empty'],
  ['.x', 'must begin with a letter or a digit'],
  ['a~b', 'contains "~"; letters, digits, ".", "_" and "-" are allowed'],
  ['a\n', 'contains "\\n"; letters, digits, ".", "_" and "-" are allowed'],
])('name %j', (name, fault) => {
  expect(nameFault(name)).toBe(fault);
});
