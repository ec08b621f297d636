import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import type { Chunk } from '../../src/model/entry.ts';
import { birthLimits } from '../../src/model/limits.ts';
import type { ChunkLocation, Payload } from '../../src/model/record.ts';
import { decodePayload, decodeRecord } from '../../src/model/record-decode.ts';
import { type Forgery, forge, judge, signed } from './record-forge.ts';
import { bodyId, changesOf, emptyHash, encode, file, header, samples } from './record-samples.ts';

const head = '{"changeset":"0123456789abcdef","more":false}';
const hash = contentHash('hello');
const put = { o: 'p', p: 'a', b: 0, k: 'f', m: 420, t: 1, s: 5, h: hash };
const location = { o: 'l', h: hash, s: 5, k: '6'.repeat(32), '@': 0, n: 5, z: 'none' };
const at: ChunkLocation = { hash, size: 5, pack: '6'.repeat(32), offset: 0, length: 5, codec: 'none' };
const inline = { o: 'i', h: hash, s: 5, n: 5, z: 'none' };

/** A record of kind changes with these lines after the first. */
function changes(...lines: object[]): Forgery {
  return { lines: [head, ...lines.map((line) => JSON.stringify(line))] };
}

test('what is forged honestly is accepted', () => {
  expect(judge(forge(changes(put, { ...put, p: 'b' }, location)))).toBe('ok');
  expect(judge(forge({ ...changes(inline), inline: Buffer.from('hello') }))).toBe('ok');
  expect(judge(forge({ kind: 'retire', lines: ['{}', '{"o":"r"}'] }))).toBe('ok');
});

test('unknown fields are passed over', () => {
  const line = { ...put, future: [1] };
  expect(judge(forge({ lines: ['{"changeset":"0123456789abcdef","more":true,"x":1}', JSON.stringify(line)], fields: { x: {} } }))).toBe(
    'ok',
  );
});

describe('R-B1: right own hash and wrong content is bad', () => {
  const lines: Record<string, object[]> = {
    'an absolute path': [{ ...put, p: '/etc/passwd' }],
    'a path that climbs out': [{ ...put, p: '../../etc/passwd' }],
    'a path with a dot component': [{ ...put, p: 'a/./b' }],
    'an empty path': [{ ...put, p: '' }],
    'a path with a NUL byte': [{ ...put, p: 'a\0b' }],
    'a path that is no byte string': [{ ...put, p: 'ā' }],
    'a path that is a number': [{ ...put, p: 5 }],
    'a path twice': [put, { o: 'd', p: 'a', b: 1 }],
    'a negative size': [{ ...put, s: -1 }],
    'a size with a fraction': [{ ...put, s: 5.5 }],
    'a size beyond all measure': [{ ...put, s: 2 ** 53 }],
    'a size as text': [{ ...put, s: '5' }],
    'a chunk above the limit': [{ ...put, s: birthLimits.chunkBytesMax + 1 }],
    'a mode above 07777': [{ ...put, m: 0o10000 }],
    'a negative mode': [{ ...put, m: -1 }],
    'no modification time': [{ ...put, t: null }],
    'a hash in capitals': [{ ...put, h: hash.toUpperCase() }],
    'a short hash': [{ ...put, h: hash.slice(1) }],
    'a wrong hash of nothing': [{ ...put, s: 0 }],
    'an owner with a line end': [{ ...put, u: 'root\n' }],
    'an empty group': [{ ...put, g: '' }],
    'an unknown kind of entry': [{ ...put, k: 'x' }],
    'a base that is not earlier': [{ ...put, b: 42 }],
    'a negative base': [{ ...put, b: -1 }],
    'a deletion of what is absent': [{ o: 'd', p: 'a', b: 0 }],
    'a strange mark of approval': [{ o: 'd', p: 'a', b: 1, a: 1 }],
    'a winner that is not earlier': [{ ...put, o: 'k', v: 42 }],
    'a loser without a winner': [{ ...put, o: 'k' }],
    'an unknown op': [{ ...put, o: 'z' }],
    'no op': [{ ...put, o: undefined }],
    'a line of another kind': [{ o: 'n', h: [hash] }],
    'an empty link target': [{ o: 'p', p: 'a', b: 0, k: 'l', l: '' }],
    'a link target with NUL': [{ o: 'p', p: 'a', b: 0, k: 'l', l: 'a\0' }],
    'chunks that do not add up': [
      { ...put, c: 1 },
      { o: 'c', c: [[hash, 4]] },
    ],
    'fewer chunks than announced': [
      { ...put, c: 2 },
      { o: 'c', c: [[hash, 5]] },
    ],
    'more chunks than announced': [
      { ...put, c: 1 },
      {
        o: 'c',
        c: [
          [hash, 4],
          [hash, 1],
        ],
      },
    ],
    'announced chunks that never come': [{ ...put, c: 1 }],
    'chunks without a file': [{ o: 'c', c: [[hash, 4]] }],
    'an empty chunk': [
      { ...put, c: 2 },
      {
        o: 'c',
        c: [
          [hash, 5],
          [emptyHash, 0],
        ],
      },
    ],
    'a location of an unknown codec': [{ ...location, z: 'lzma' }],
    'a location with a bad pack id': [{ ...location, k: '../x' }],
    'a location with a negative offset': [{ ...location, '@': -1 }],
    'a location of no bytes': [{ ...location, n: 0 }],
    'an uncompressed location of another length': [{ ...location, n: 4 }],
    'inline content that is not there': [inline],
    'a list': [[]],
  };
  test.each(Object.entries(lines))('%s', (_, forged) => {
    expect(judge(forge(changes(...forged)))).toBe('bad');
  });

  const records: Record<string, Forgery> = {
    'an unknown kind of payload': { kind: 'chmod' },
    'no kind': { kind: null },
    'a kind that every object has': { kind: 'constructor' },
    'an id with an upper-case digit': { fields: { id: 'A'.repeat(32) } },
    'sequence 0': { fields: { sequence: 0 } },
    'a first record with a predecessor': { fields: { sequence: 1 } },
    'a member without a name': { fields: { author: { id: header.author.id, name: '' } } },
    'no author': { fields: { author: null } },
    'a negative time': { fields: { writtenMs: -1 } },
    'format 0': { fields: { format: 0 } },
    'no format': { fields: { format: null } },
    'a body that is too long': { fields: { body: { id: bodyId, size: birthLimits.bodyBytesMax + 1, hash } } },
    'a body of another size than the payload': {
      stored: Buffer.alloc(0),
      fields: { body: { id: bodyId, size: 79, hash }, payload: { stored: 80, raw: 80 } },
    },
    'a body id with a slash': { fields: { body: { id: '../'.padEnd(32, 'a'), size: 80, hash } } },
    'a payload that is too long': { rawBytes: birthLimits.payloadRawBytesMax + 1 },
    'a payload that is longer than announced': { rawBytes: 10 },
    'a payload that is shorter than announced': { rawBytes: 1000 },
    'bytes that nothing announces': { fields: { inline: 5 } },
    'inline content that nothing describes': { inline: Buffer.from('hello') },
    'inline content beside a decision': { kind: 'format', lines: ['{"format":2}'], inline: Buffer.from('x') },
    'another magic line': { magic: 'flocksync snapshot 1\n' },
    'no magic line': { magic: '' },
    'a first line that is no JSON': { lines: ['{'] },
    'a first line without changeset': { lines: ['{"more":false}'] },
    'a first line without more': { lines: ['{"changeset":"0123456789abcdef"}'] },
    'a frame that is cut off': { stored: Buffer.from([0, 0, 0, 0, 9, 0, 0, 0, 9, 1]), rawBytes: 9 },
    'a frame of an unknown codec': { stored: Buffer.from([9, 0, 0, 0, 1, 0, 0, 0, 1, 10]), rawBytes: 1 },
    'a frame that does not inflate': { stored: Buffer.from([1, 0, 0, 0, 1, 0, 0, 0, 1, 10]), rawBytes: 1 },
    'an approval of nothing': { kind: 'approve', lines: ['{}'] },
    'an approval of two things': { kind: 'approve', lines: ['{"record":1,"hold":"abc"}'] },
    'an approval of a later record': { kind: 'approve', lines: ['{"record":42}'] },
    'a snapshot of a later record': { kind: 'snapshot', lines: [JSON.stringify({ id: bodyId, upTo: 42, previousHash: hash })] },
    'a decision of two lines': { kind: 'format', lines: ['{"format":2}', '{}'] },
    'a retired object that is no id': { kind: 'retire', lines: ['{}', '{"o":"r","packs":["log/1"]}'] },
    'a needed hash that is none': { kind: 'need', lines: ['{}', '{"o":"n","h":["x"]}'] },
    'a pack record that replaces places in a strange way': { kind: 'pack', lines: ['{"instead":1}'] },
    'a change in a pack record': { kind: 'pack', lines: ['{}', JSON.stringify(put)] },
  };
  test.each(Object.entries(records))('%s', (_, forged) => {
    expect(judge(forge(forged))).toBe('bad');
  });

  test('a record that is too long', () => {
    const limits = { ...birthLimits, recordBytesMax: 100 };
    expect(decodeRecord(encode(changesOf()).record, limits)).toMatchObject({ verdict: 'bad' });
  });

  test('more changes, chunks or hashes than a record may have', () => {
    const limits = { ...birthLimits, changesMax: 3 };
    const four = ['a', 'b', 'c', 'd'];
    const puts = changesOf(...four.map((path) => ({ op: 'put' as const, path, base: 0, entry: file })));
    expect(judgeUnder(limits, puts)).toBe('bad');
    expect(judgeUnder(limits, { kind: 'need', hashes: four.map((text) => contentHash(text)) })).toBe('bad');
    const locations = [1, 2, 3, 4].map((offset) => ({ ...at, offset }));
    expect(judgeUnder(limits, { kind: 'pack', locations, inline: [] })).toBe('bad');
    const [one, rest] = [1, 4].map((size) => ({ hash, size })) as [Chunk, Chunk];
    const two = ['a', 'b'].map((path) => ({ op: 'put' as const, path, base: 0, entry: { ...file, chunks: [one, rest] } }));
    expect(judgeUnder({ ...limits, changesMax: 4 }, changesOf(...two))).toBe('ok');
    expect(judgeUnder(limits, changesOf(...two))).toBe('bad');
  });
});

describe('R-B2: bytes that are not the author’s are damaged', () => {
  const { record, body } = encode(samples.changes ?? changesOf(), { ...birthLimits, recordBytesMax: 4500 });
  const decoded = decodeRecord(record, birthLimits);

  test('nothing, and less than a hash', () => {
    expect(judge(Buffer.alloc(0))).toBe('damaged');
    expect(judge(record.subarray(0, 31))).toBe('damaged');
  });

  test('something appended', () => {
    expect(judge(Buffer.concat([record, Buffer.from('\n')]))).toBe('damaged');
  });

  test('a body that is missing, truncated or changed', () => {
    if (!decoded.ok || body === null) throw new Error('the sample should have a body');
    const changed = Buffer.from(body.bytes);
    changed[100] = (changed[100] as number) ^ 1;
    for (const bytes of [null, body.bytes.subarray(1), changed, Buffer.concat([body.bytes, body.bytes])]) {
      expect(decodePayload(decoded, bytes, birthLimits)).toMatchObject({ ok: false, verdict: 'damaged' });
    }
    expect(decodePayload(decoded, body.bytes, birthLimits)).toMatchObject({ ok: true });
  });
});

describe('R-L7: a newer format is recognised and not judged', () => {
  test('by the magic line, whatever follows', () => {
    expect(judge(signed(Buffer.from('flocksync record 2\n\x00\xff nothing we know')))).toBe('newer-format');
    expect(judge(Buffer.concat([Buffer.from('flocksync record 2\n'), Buffer.alloc(32)]))).toBe('damaged');
  });

  test('by the header, whatever else it says', () => {
    expect(judge(forge({ fields: { format: 2, id: 7 }, kind: 'unheard-of' }))).toBe('newer-format');
  });

  test('even when it is longer than this format allows', () => {
    const long = Buffer.concat([Buffer.from('flocksync record 3\n'), Buffer.alloc(birthLimits.recordBytesMax)]);
    expect(judge(signed(long))).toBe('newer-format');
  });
});

function judgeUnder(limits: typeof birthLimits, payload: Payload): string {
  const decoded = decodeRecord(encode(payload).record, limits);
  if (!decoded.ok) return decoded.verdict;
  const read = decodePayload(decoded, null, limits);
  return read.ok ? 'ok' : read.verdict;
}
