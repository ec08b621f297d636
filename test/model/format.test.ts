import fc from 'fast-check';
import { expect, test } from 'vitest';
import { birthFormat, decodeFormat, encodeFormat, formatBytesMax } from '../../src/model/format.ts';
import { birthLimits } from '../../src/model/limits.ts';

const format = birthFormat('ab'.repeat(16), 30 * 86_400_000, { atMs: 1_700_000_000_000, by: 'web01' });

function edited(change: object): Buffer {
  return Buffer.from(JSON.stringify({ ...format, ...change }));
}

test('a format comes back as it went', () => {
  expect(decodeFormat(encodeFormat(format))).toEqual({ ok: true, format });
  expect(format.limits).toEqual(birthLimits);
});

test('unknown fields are passed over', () => {
  expect(decodeFormat(edited({ extra: { a: 1 }, limits: { ...birthLimits, extra: -1 } }))).toEqual({ ok: true, format });
});

test('R-L7: a newer format is recognised, whatever else it says', () => {
  expect(decodeFormat(Buffer.from('{"format":2}'))).toMatchObject({ ok: false, verdict: 'newer-format' });
});

test.each<[string, Buffer]>([
  ['nothing', Buffer.alloc(0)],
  ['an error page', Buffer.from('<html>403</html>')],
  ['a list', Buffer.from('[]')],
  ['no format', edited({ format: undefined })],
  ['format 0', edited({ format: 0 })],
  ['a share id with a slash', edited({ share: '../'.padEnd(32, 'a') })],
  ['an unknown codec', edited({ codecs: ['zip'] })],
  ['a negative retention', edited({ historyMs: -1 })],
  ['an unknown chunking', edited({ chunking: { kind: 'rolling', bytes: 1 } })],
  ['chunks of nothing', edited({ chunking: { kind: 'fixed', bytes: 0 } })],
  ['no limits', edited({ limits: null })],
  ['a limit that is missing', edited({ limits: { ...birthLimits, changesMax: undefined } })],
  ['a limit of 0', edited({ limits: { ...birthLimits, changesMax: 0 } })],
  ['a limit beyond reason', edited({ limits: { ...birthLimits, recordBytesMax: 2 ** 40 } })],
  ['other log keys', edited({ limits: { ...birthLimits, logKeyDigits: 8 } })],
  ['no creator', edited({ created: undefined })],
  ['too much', edited({ extra: 'x'.repeat(formatBytesMax) })],
])('%s is bad, with a reason', (_, bytes) => {
  expect(decodeFormat(bytes)).toMatchObject({ ok: false, verdict: 'bad', reason: expect.stringMatching(/./) });
});

test('any JSON gets a verdict, never an exception', () => {
  const fields = fc.dictionary(fc.constantFrom(...Object.keys(format)), fc.jsonValue(), { maxKeys: 2 });
  fc.assert(fc.property(fields, (change) => void expect(decodeFormat(edited(change))).toHaveProperty('ok')));
});
