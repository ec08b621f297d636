import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ancestorsOf,
  comparePaths,
  depthOf,
  fromText,
  isPlainText,
  isWithin,
  join,
  nameBytesMax,
  nameOf,
  parentOf,
  pathBytesMax,
  pathDepthMax,
  pathFault,
  toText,
} from '../../src/model/path.ts';

const anyBytes = fc.uint8Array({ maxLength: 12 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const anyName = fc
  .uint8Array({ minLength: 1, maxLength: 6 })
  .map((bytes) => Buffer.from(bytes.map((byte) => (byte === 0 || byte === 47 ? 33 : byte))).toString('latin1'))
  .filter((name) => name !== '.' && name !== '..');
const anyPath = fc.array(anyName, { minLength: 1, maxLength: 5 }).map((names) => names.join('/'));

describe('text and bytes', () => {
  test.each([
    { name: 'ASCII', text: 'wp-content/a b.php' },
    { name: 'composed', text: 'caf\u00e9' },
    { name: 'decomposed', text: 'cafe\u0301' },
    { name: 'beyond the basic plane', text: '\u{1f600}' },
    { name: 'a backslash and quotes', text: 'a\\n"\'b' },
    { name: 'the replacement character itself', text: 'a\ufffdb' },
  ])('$name goes through bytes and back', ({ text }) => {
    expect(toText(fromText(text))).toBe(text);
    expect(isPlainText(fromText(text))).toBe(true);
  });

  test('NFC and NFD are two names', () => expect(fromText('caf\u00e9')).not.toBe(fromText('cafe\u0301')));
  test('a byte path has one code unit per byte', () => expect(fromText('\u00e9')).toBe('\u00c3\u00a9'));

  test.each([
    { name: 'a stray byte', path: 'a\xffb', text: 'a\\xffb' },
    { name: 'a cut sequence', path: 'a\xe2\x82', text: 'a\\xe2\\x82' },
    { name: 'a stray byte beside valid UTF-8', path: `\xff${fromText('\u00e9')}`, text: '\\xff\u00e9' },
    { name: 'an overlong slash', path: '\xc0\xaf', text: '\\xc0\\xaf' },
    { name: 'an encoded surrogate', path: '\xed\xa0\x80', text: '\\xed\\xa0\\x80' },
    { name: 'line breaks', path: 'a\nb\r\tc', text: 'a\\nb\\r\\tc' },
    { name: 'an escape sequence for a terminal', path: '\x1b[2J', text: '\\x1b[2J' },
    { name: 'an eight-bit control', path: fromText('\u009b2J'), text: '\\x9b2J' },
    { name: 'delete', path: 'a\x7f', text: 'a\\x7f' },
    { name: 'text that turns the line around', path: fromText('\u202egnp.exe'), text: '\\u202egnp.exe' },
  ])('$name is escaped and not plain', ({ path, text }) => {
    expect(toText(path)).toBe(text);
    expect(isPlainText(path)).toBe(false);
  });

  test('any bytes become printable text, and plain text is exactly what comes back', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const text = toText(bytes);
        for (const char of text) expect(char.charCodeAt(0) >= 32 && char.charCodeAt(0) !== 127).toBe(true);
        expect(isPlainText(bytes)).toBe(fromText(text) === bytes);
      }),
    );
  });
});

describe('parts of a path', () => {
  test.each([
    { path: 'a', parent: '', name: 'a', ancestors: [], depth: 1 },
    { path: 'a/b', parent: 'a', name: 'b', ancestors: ['a'], depth: 2 },
    { path: 'a/b/c', parent: 'a/b', name: 'c', ancestors: ['a/b', 'a'], depth: 3 },
    { path: '', parent: '', name: '', ancestors: [], depth: 0 },
  ])('$path', ({ path, parent, name, ancestors, depth }) => {
    expect([parentOf(path), nameOf(path), ancestorsOf(path), depthOf(path)]).toEqual([parent, name, ancestors, depth]);
  });

  test('parent and name join to the path; its depth counts it and its ancestors', () => {
    fc.assert(
      fc.property(anyPath, (path) => {
        expect(join(parentOf(path), nameOf(path))).toBe(path);
        expect(depthOf(path)).toBe(ancestorsOf(path).length + 1);
        for (const ancestor of ancestorsOf(path)) {
          expect(isWithin(path, ancestor)).toBe(true);
          expect(isWithin(ancestor, path)).toBe(false);
          expect(comparePaths(ancestor, path)).toBe(-1);
        }
      }),
    );
  });

  test('within is by components, and includes the directory itself', () => {
    expect(isWithin('a/b', 'a')).toBe(true);
    expect(isWithin('a', 'a')).toBe(true);
    expect(isWithin('ab', 'a')).toBe(false);
    expect(isWithin('a.b', 'a')).toBe(false);
    expect(isWithin('a', '')).toBe(true);
  });

  test('the order is that of bytes', () => {
    fc.assert(
      fc.property(anyPath, anyPath, (a, b) => {
        expect(comparePaths(a, b)).toBe(Buffer.compare(Buffer.from(a, 'latin1'), Buffer.from(b, 'latin1')));
      }),
    );
  });
});

describe('paths from outside', () => {
  const deep = (levels: number) => Array.from({ length: levels }, () => 'a').join('/');
  test.each([
    ['a'],
    ['a/b/c'],
    ['...'],
    ['..a'],
    ['a..'],
    ['-rf'],
    ['a b\n*?[x]'],
    ['\xff\xfe'],
    ['a\\b'],
    ['~'],
    ['C:'],
    ['x'.repeat(nameBytesMax)],
    [deep(pathDepthMax)],
    [Array.from({ length: 16 }, () => 'x'.repeat(nameBytesMax)).join('/')],
  ])('%j may be used', (path) => expect(pathFault(path)).toBe(undefined));

  test.each<[unknown, string]>([
    [undefined, 'is not a string'],
    [null, 'is not a string'],
    [7, 'is not a string'],
    [['a'], 'is not a string'],
    ['', 'is empty'],
    ['/', 'is absolute or has an empty component'],
    ['/etc/passwd', 'is absolute or has an empty component'],
    ['a//b', 'is absolute or has an empty component'],
    ['a/', 'is absolute or has an empty component'],
    ['.', 'has a "." component'],
    ['a/./b', 'has a "." component'],
    ['..', 'has a ".." component'],
    ['../../etc/passwd', 'has a ".." component'],
    ['a/../b', 'has a ".." component'],
    ['a/..', 'has a ".." component'],
    ['a\0b', 'contains a NUL byte'],
    ['caf\u0113', 'is not a byte string'],
    ['\u{1f600}', 'is not a byte string'],
    ['x'.repeat(nameBytesMax + 1), `has a name longer than ${nameBytesMax} bytes`],
    [deep(pathDepthMax + 1), `is deeper than ${pathDepthMax} levels`],
    [`${'x/'.repeat(pathBytesMax / 2)}x`, `is longer than ${pathBytesMax} bytes`],
  ])('%j is refused: %s', (path, fault) => expect(pathFault(path)).toBe(fault));

  test('what passes has only real names', () => {
    fc.assert(
      fc.property(fc.oneof(anyPath, fc.string(), fc.string({ unit: fc.constantFrom('.', '/', 'a', '\0') })), (path) => {
        if (pathFault(path) !== undefined) return;
        for (const name of path.split('/')) expect(['', '.', '..']).not.toContain(name);
        expect(path).not.toContain('\0');
        expect(Buffer.from(path, 'latin1').toString('latin1')).toBe(path);
      }),
    );
  });
});
