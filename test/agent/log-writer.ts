import { randomBytes } from 'node:crypto';
import { birthFormat, encodeFormat, type ShareFormat } from '../../src/model/format.ts';
import { bodyKey, formatKey, logKey, packKey } from '../../src/model/keys.ts';
import { noPrevious, type Payload } from '../../src/model/record.ts';
import { recordHash } from '../../src/model/record-decode.ts';
import { encodeRecord } from '../../src/model/record-encode.ts';
import type { Datastore } from '../../src/ports/datastore.ts';

export const share = 'webroot';

/** Writes a log as members would, and as they would not. */
export interface LogWriter {
  readonly datastore: Datastore;
  readonly format: ShareFormat;
  head: number;
  /** Appends; `bytes` gives what is stored instead of the honest record, and what the successor names. */
  append(payload: Payload, bytes?: (honest: Buffer) => Buffer): Promise<number>;
  pack(content: Buffer): Promise<string>;
}

export async function writeLog(datastore: Datastore): Promise<LogWriter> {
  const format = birthFormat(randomBytes(16).toString('hex'), 30 * 24 * 3600 * 1000, { atMs: 1, by: 'writer' });
  await datastore.put(formatKey(share), encodeFormat(format));
  let previous = noPrevious;
  const writer: LogWriter = {
    ...{ datastore, format, head: 0 },
    append: async (payload, change = (honest) => honest) => {
      const sequence = writer.head + 1;
      const author = { id: '3'.repeat(32), name: 'writer' };
      const header = { format: 1 as const, id: newId(), share: format.share, author, sequence, previous, writtenMs: 0 };
      const { record, body } = encodeRecord(header, payload, newId(), format.limits);
      const stored = change(record);
      if (body !== null) await datastore.put(bodyKey(share, body.id), body.bytes);
      await datastore.put(logKey(share, sequence), stored);
      previous = recordHash(stored);
      writer.head = sequence;
      return sequence;
    },
    pack: async (content) => {
      const id = newId();
      await datastore.put(packKey(share, id), content);
      return id;
    },
  };
  return writer;
}

const newId = () => randomBytes(16).toString('hex');
