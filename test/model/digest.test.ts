import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addDigest, contentHash, digestFromHex, digestOf, digestToHex, emptyDigest, removeDigest } from '../../src/model/digest.ts';
import type { Entry } from '../../src/model/entry.ts';
import { entry, file, path } from './record-samples.ts';

const parts = fc.array(fc.tuple(path, entry), { maxLength: 20 }).map((all) => all.map(([at, what]) => digestOf(at, what)));

test('the order in which entries come and go does not matter', () => {
  fc.assert(
    fc.property(parts, parts, (stay, go) => {
      const expected = stay.reduce(addDigest, emptyDigest);
      const all = [...go, ...stay].reverse().reduce(addDigest, emptyDigest);
      expect(go.reduce(removeDigest, all)).toBe(expected);
    }),
  );
});

test('a digest comes back from its hex form, which has always 64 digits', () => {
  fc.assert(
    fc.property(parts, (all) => {
      const digest = all.reduce(addDigest, emptyDigest);
      expect(digestToHex(digest)).toMatch(/^[0-9a-f]{64}$/);
      expect(digestFromHex(digestToHex(digest))).toBe(digest);
    }),
  );
  expect(digestToHex(emptyDigest)).toBe('0'.repeat(64));
  expect(digestToHex(removeDigest(emptyDigest, 1n))).toBe('f'.repeat(64));
  for (const text of ['', '0', 'F'.repeat(64), `${'0'.repeat(63)}\n`, '0'.repeat(65)]) expect(digestFromHex(text)).toBeUndefined();
});

test('every difference between two entries shows', () => {
  const chunks = [{ hash: file.hash, size: 5 }];
  const variants: [string, Entry][] = [
    ['a', file],
    ['b', file],
    ...[
      { mode: 0o600 },
      { mtimeUs: 1 },
      { owner: null },
      { owner: 'www' },
      { group: 'www-data' },
      { size: 6 },
      { hash: contentHash('x') },
    ].map((difference): [string, Entry] => ['a', { ...file, ...difference }]),
    ['a', { ...file, owner: null, group: 'www-data' }],
    ['a', { kind: 'dir', mode: 0o644, owner: null, group: null }],
    ['a', { kind: 'link', target: '420', owner: null, group: null }],
    ['a', { kind: 'link', target: '', owner: '420', group: null }],
  ];
  expect(new Set(variants.map(([at, what]) => digestOf(at, what))).size).toBe(variants.length);
  expect(digestOf('a', { ...file, chunks })).toBe(digestOf('a', file));
});

test('the canonical text is what members of other releases hash', () => {
  const hash = contentHash('hello');
  expect(digestOf('dir/a', file)).toBe(BigInt(`0x${contentHash(`dir/a\0file\x00420\x001700000000000001\0www-data\0\x005\0${hash}`)}`));
  expect(digestOf('d', { kind: 'dir', mode: 0o755, owner: null, group: 'g' })).toBe(BigInt(`0x${contentHash('d\0dir\x00493\0\0g')}`));
  expect(digestOf('l', { kind: 'link', target: '../x', owner: 'o', group: null })).toBe(BigInt(`0x${contentHash('l\0link\0o\0\0../x')}`));
});
