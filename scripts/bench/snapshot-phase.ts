// One phase of the snapshot bench in a process of its own, so that its memory is measured alone: PHASE BUCKET HOME ENTRIES
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { openDirectory } from '../../src/adapters/directory.ts';
import { scratchBelow } from '../../src/adapters/scratch.ts';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { systemRandom, systemTime } from '../../src/adapters/system.ts';
import { compact } from '../../src/agent/compact.ts';
import type { PutChange } from '../../src/model/change.ts';
import { contentHash } from '../../src/model/digest.ts';
import { birthFormat } from '../../src/model/format.ts';
import { bodyKey, logKey } from '../../src/model/keys.ts';
import type { ChangesPayload } from '../../src/model/record.ts';
import { noPrevious } from '../../src/model/record.ts';
import { recordHash } from '../../src/model/record-decode.ts';
import { encodeRecord } from '../../src/model/record-encode.ts';
import { type FetchedSnapshot, fetchSnapshot, listSnapshots, load } from '../../src/steps/load.ts';

const [phase, bucket = '', home = '', entryText] = process.argv.slice(2);
const entries = Number(entryText);
const share = 'share0';
const format = birthFormat('2'.repeat(32), 0, { atMs: 0, by: 'bench' });
const author = { id: '3'.repeat(32), name: 'bench' };
const filesInDirectory = 1000;
const directoriesInRecord = 20;
const records = Math.ceil(entries / filesInDirectory / directoriesInRecord);

mkdirSync(bucket, { recursive: true });
const datastore = openDirectory({ path: bucket, federation: 'bench' });
const nothing = () => {};
const ports = {
  ...{ datastore, random: systemRandom, time: systemTime, scratch: scratchBelow(join(home, 'scratch')) },
  log: { debug: nothing, info: nothing, warn: nothing, error: nothing },
};

if (phase === 'log') await writeLog();
else if (phase === 'write') await write(null);
else if (phase === 'write again') await write(await fetched());
else await read();
await datastore.close();

/** Directories of a thousand files each, every file with a content of its own in a pack. */
async function writeLog(): Promise<void> {
  let previous = noPrevious;
  for (let sequence = 1; sequence <= records; sequence++) {
    const header = { format: 1, id: systemRandom.hex(16), share: format.share, sequence, previous, writtenMs: 0 } as const;
    const bytes = encodeRecord({ ...header, author }, payloadOf(sequence), systemRandom.hex(16), format.limits);
    if (bytes.body !== null) await datastore.put(bodyKey(share, bytes.body.id), bytes.body.bytes);
    await datastore.put(logKey(share, sequence), bytes.record);
    previous = recordHash(bytes.record);
  }
}

function payloadOf(sequence: number): ChangesPayload {
  const changes: PutChange[] = [];
  const locations: ChangesPayload['locations'][number][] = [];
  const pack = systemRandom.hex(16);
  for (let at = 0; at < directoriesInRecord; at++) {
    const directory = `content/${String((sequence - 1) * directoriesInRecord + at).padStart(6, '0')}`;
    if (sequence === 1 && at === 0) changes.push(directoryAt('content'));
    changes.push(directoryAt(directory));
    for (let file = 0; file < filesInDirectory; file++) {
      const path = `${directory}/article-${String(file).padStart(4, '0')}.html`;
      const [hash, size] = [contentHash(path), 1000 + file];
      const entry = { kind: 'file', mode: 0o644, mtimeUs: 1_700_000_000_000_000 + file, owner: 'www-data', group: 'www-data' } as const;
      changes.push({ op: 'put', path, base: 0, entry: { ...entry, size, hash, chunks: null } });
      locations.push({ hash, size, pack, offset: locations.length * 1000, length: 900, codec: 'brotli' });
    }
  }
  return { kind: 'changes', changeset: '0123456789abcdef', more: false, changes, locations, inline: [] };
}

function directoryAt(path: string): PutChange {
  return { op: 'put', path, base: 0, entry: { kind: 'dir', mode: 0o755, owner: 'www-data', group: 'www-data' } };
}

async function write(base: FetchedSnapshot | null): Promise<void> {
  const signal = new AbortController().signal;
  const options = { share, format, base, upTo: records, cutoffMs: 0, retiredFromMs: 0, signal };
  const written = await compact(ports, options);
  base?.remove();
  if (written.outcome !== 'written') throw new Error(`not written: ${JSON.stringify(written)}`);
}

async function fetched(): Promise<FetchedSnapshot> {
  const listed = (await listSnapshots(datastore, share)).at(-1);
  const answer = await fetchSnapshot(ports, share, listed?.key ?? '', format.share);
  if (!answer.ok) throw new Error(answer.reason);
  return answer.snapshot;
}

async function read(): Promise<void> {
  const snapshot = await fetched();
  const journal = openJournal({ file: join(home, 'read.journal') });
  await journal.gradually(
    () => load(journal, snapshot),
    async () => true,
  );
  const found = journal.foldedCount();
  journal.close();
  snapshot.remove();
  if (found < entries) throw new Error(`${found} entries instead of ${entries}`);
}
