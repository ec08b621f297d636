import fc from 'fast-check';
import { expect, test } from 'vitest';
import { forge, judge, signed } from './record-forge.ts';
import { encode, samples } from './record-samples.ts';

const small = encode({ kind: 'approve', record: 7 }).record;
const rich = encode(samples.changes ?? { kind: 'format', format: 2 }).record;

test('R-B2: a record that is cut anywhere is damaged', () => {
  for (let length = 0; length < rich.length; length++) expect(judge(rich.subarray(0, length))).toBe('damaged');
});

test('R-B2: a record with any one bit flipped is damaged', () => {
  expect(judge(small)).toBe('ok');
  for (let bit = 0; bit < small.length * 8; bit++) {
    const flipped = Buffer.from(small);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    expect(judge(flipped)).toBe('damaged');
  }
});

test('R-B1: a record cut or changed anywhere under a right own hash gets a verdict, never an exception', () => {
  const content = rich.subarray(0, -32);
  for (let length = 0; length < content.length; length++) expect(judge(signed(content.subarray(0, length)))).toBe('bad');
  fc.assert(
    fc.property(fc.nat(content.length - 1), fc.nat(255), (at, byte) => {
      const changed = Buffer.from(content);
      changed[at] = byte;
      expect(['ok', 'bad', 'newer-format']).toContain(judge(signed(changed)));
    }),
    { numRuns: 2000 },
  );
});

test('R-B1: any values in header and lines get a verdict, never an exception', () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom<unknown>(2 ** 60, -0, 1e308, '', '..', [], {}, { length: 5 }));
  const headerKeys = ['format', 'id', 'share', 'author', 'sequence', 'previous', 'writtenMs', 'kind', 'body', 'payload', 'inline'];
  const lineKeys = ['o', 'p', 'b', 'k', 'm', 't', 's', 'h', 'c', 'l', 'u', 'g', 'v', 'a', 'n', 'z', '@'];
  const ops = fc.constantFrom('p', 'd', 'k', 'c', 'l', 'i');
  const line = fc.tuple(fc.dictionary(fc.constantFrom(...lineKeys), value), ops).map(([fields, o]) => JSON.stringify({ ...fields, o }));
  const fields = fc.dictionary(fc.constantFrom(...headerKeys), value, { maxKeys: 2 });
  const first = '{"changeset":"0123456789abcdef","more":false}';
  fc.assert(
    fc.property(fields, fc.array(line, { maxLength: 4 }), (forged, lines) => {
      expect(['ok', 'bad', 'damaged', 'newer-format']).toContain(judge(forge({ fields: forged, lines: [first, ...lines] })));
    }),
    { numRuns: 2000 },
  );
});

test('R-B1: one wrong value in an honest line gets a verdict, never an exception', () => {
  const honest: Record<string, unknown>[] = [
    { o: 'p', p: 'a', b: 0, k: 'f', m: 420, t: 1, s: 5, h: 'a'.repeat(64), c: 1 },
    { o: 'c', c: [['a'.repeat(64), 5]] },
    { o: 'd', p: 'b', b: 3, a: true },
    { o: 'l', h: 'a'.repeat(64), s: 5, k: '6'.repeat(32), '@': 0, n: 5, z: 'none' },
  ];
  const first = '{"changeset":"0123456789abcdef","more":false}';
  expect(judge(forge({ lines: [first, ...honest.map((line) => JSON.stringify(line))] }))).toBe('ok');
  fc.assert(
    fc.property(fc.nat(3), fc.nat(8), fc.jsonValue({ maxDepth: 3 }), (which, field, value) => {
      const lines = honest.map((line, i) => {
        const keys = Object.keys(line);
        return JSON.stringify(i === which ? { ...line, [keys[field % keys.length] as string]: value } : line);
      });
      expect(['ok', 'bad']).toContain(judge(forge({ lines: [first, ...lines] })));
    }),
    { numRuns: 2000 },
  );
});
