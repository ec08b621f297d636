import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { birthLimits } from '../../src/model/limits.ts';
import { type DecodedRecord, decodePayload, decodeRecord } from '../../src/model/record-decode.ts';
import { readLines } from '../../src/model/record-frames.ts';
import { encode, header, samples } from './record-samples.ts';

/**
 * Bytes that were once written must be readable for ever, so these files are never replaced: a new format adds new ones. A file
 * that is missing is written only with FLOCKSYNC_WRITE_GOLDEN=1, and then reviewed.
 */
const folder = join(import.meta.dirname, '../golden');

test.each(Object.entries(samples))('R-L7: the golden record %s is still read, and still written', (name, payload) => {
  const file = join(folder, `record-1-${name}.bin`);
  if (process.env.FLOCKSYNC_WRITE_GOLDEN === '1' && !existsSync(file)) writeFileSync(file, encode(payload).record);
  const golden = decoded(readFileSync(file));
  expect(golden.header).toEqual(header);
  expect(decodePayload(golden, null, birthLimits)).toEqual({ ok: true, payload });
  expect(plainText(decoded(encode(payload).record))).toEqual(plainText(golden));
});

function decoded(bytes: Buffer): DecodedRecord {
  const record = decodeRecord(bytes, birthLimits);
  if (!record.ok) throw new Error(record.reason);
  return record;
}

/** What does not depend on the release of the compressor. */
function plainText(record: DecodedRecord) {
  const lines = [...readLines(record.stored as Buffer, record.payload.rawBytes, birthLimits)];
  return { lines, inline: record.inline, header: record.header, kind: record.kind, body: record.body, rawBytes: record.payload.rawBytes };
}
