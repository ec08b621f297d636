import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { sameEntry } from '../../src/model/entry.ts';
import { birthLimits } from '../../src/model/limits.ts';
import { decodePayload, decodeRecord, recordHash } from '../../src/model/record-decode.ts';
import { encodeRecord, rebaseRecord } from '../../src/model/record-encode.ts';
import { bodyId, changesOf, changesPayload, encode, entry, file, header, path, roundTrip, samples } from './record-samples.ts';

test.each(Object.entries(samples))('a payload of kind %s comes back as it went', (_, payload) => {
  expect(roundTrip(payload)).toEqual({ ok: true, payload });
});

test('R-L1: the header comes back, and the hash is that of the whole object', () => {
  const { record } = encode(changesOf());
  expect(decodeRecord(record, birthLimits)).toMatchObject({ ok: true, header, kind: 'changes', body: null, hash: contentHash(record) });
  expect(recordHash(record)).toBe(contentHash(record));
  expect(record.subarray(-32).toString('hex')).toBe(contentHash(record.subarray(0, -32)));
});

test('any changes come back as they went, names being bytes', () => {
  fc.assert(
    fc.property(changesPayload, (payload) => {
      expect(roundTrip(payload)).toEqual({ ok: true, payload });
    }),
    { numRuns: 200 },
  );
});

test('an entry comes back as the same entry', () => {
  fc.assert(
    fc.property(path, entry, (at, written) => {
      const read = roundTrip(changesOf({ op: 'put', path: at, base: 0, entry: written }));
      if (!read.ok || read.payload.kind !== 'changes') throw new Error(JSON.stringify(read));
      const change = read.payload.changes[0];
      expect(change?.op === 'put' && sameEntry(change.entry, written)).toBe(true);
    }),
  );
});

test('a payload that is too long for the record moves to a body, whatever the header’s length', () => {
  const many = changesOf(...Array.from({ length: 4000 }, (_, i) => ({ op: 'put' as const, path: `f${i}`, base: 0, entry: fileOf(i) })));
  const { record, body } = encode(many);
  expect(record.length).toBeLessThan(1000);
  expect(body).toMatchObject({ id: bodyId });
  const decoded = decodeRecord(record, birthLimits);
  if (!decoded.ok || body === null) throw new Error('no body');
  expect(decoded.body).toEqual({ id: bodyId, size: body.bytes.length, hash: contentHash(body.bytes) });
  expect(decodePayload(decoded, body.bytes, birthLimits)).toEqual({ ok: true, payload: many });
});

test('a file of more chunks than a line holds comes back', () => {
  const chunks = Array.from({ length: 2345 }, (_, i) => ({ hash: contentHash(`${i}`), size: i + 1 }));
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  const payload = changesOf({ op: 'put', path: 'big', base: 0, entry: { ...fileOf(0), size, chunks } });
  expect(roundTrip(payload)).toEqual({ ok: true, payload });
});

test('R-S2: a rebased record has the payload bytes of the first one', () => {
  for (const payload of Object.values(samples)) {
    const first = decodeRecord(encode(payload).record, birthLimits);
    if (!first.ok) throw new Error(first.reason);
    const next = { ...header, id: 'b'.repeat(32), sequence: 43, previous: 'c'.repeat(64) };
    const rebased = rebaseRecord(first, next);
    expect(rebased).toEqual(encodeRecord(next, payload, bodyId, birthLimits).record);
  }
});

test('stray properties of the caller’s header do not get into the log', () => {
  const { record } = encodeRecord({ ...header, extra: 1 } as typeof header, changesOf(), bodyId, birthLimits);
  expect(record.toString('latin1')).not.toContain('extra');
});

test('what breaks a limit that the author should have kept is an error', () => {
  const stored = Buffer.alloc(birthLimits.inlineBytesMax + 1);
  const inline = [{ hash: contentHash(stored), size: stored.length, codec: 'none' as const, stored }];
  expect(() => encode({ kind: 'pack', locations: [], inline })).toThrow(RangeError);
  const limits = { ...birthLimits, changesMax: 1, bodyBytesMax: 200, recordBytesMax: 100 };
  expect(() => encode(changesOf(...['a', 'b'].map((at) => ({ op: 'delete' as const, path: at, base: 1 }))), limits)).toThrow(RangeError);
  const random = Array.from({ length: 20 }, (_, i) => contentHash(`${i}`));
  expect(() => encode({ kind: 'need', hashes: random }, { ...limits, changesMax: 20 })).toThrow(RangeError);
});

function fileOf(i: number) {
  return { ...file, size: 1 + i, hash: contentHash(`${i}`), mtimeUs: 1_700_000_000_000_000 + i };
}
