import { clockFinding, type Finding, finding, type Verdict } from '../model/finding.ts';
import { type Datastore, DatastoreFault, type Key } from '../ports/datastore.ts';
import type { Random } from '../ports/random.ts';
import type { Time } from '../ports/time.ts';

export interface StorePorts {
  readonly datastore: Datastore;
  readonly time: Time;
  readonly random: Random;
  readonly signal: AbortSignal;
}

const racers = 16;
/** More than one part of a multipart upload. */
const streamBytes = 8 * 1024 * 1024 + 1;
const pieceBytes = 64 * 1024;
/** Test objects of a run that was killed are removed by a later one. */
const leftoverMs = 3600_000;

/**
 * Tests everything that is asked of a store, in objects below `doctor-<random>/`, which are removed whatever happens. With `mayWrite`
 * false (a member that subscribes only) refused writes are no problem. Yields each finding as it is made.
 */
export async function* checkStore(ports: StorePorts, mayWrite: boolean): AsyncGenerator<Finding> {
  const folder = `doctor-${ports.random.hex(8)}/`;
  const test: Test = { ports, folder, written: new Set(), refused: mayWrite ? 'problem' : 'note' };
  try {
    const first = await firstContact(test);
    yield* first;
    if (first.some(({ verdict }) => verdict === 'unreachable')) return;
    const put = await tell(test, 'put', () => putAndRead(test));
    yield put;
    if (put.verdict === 'ok')
      for (const check of writing) if (!ports.signal.aborted) yield await tell(test, check.name, () => check.run(test));
  } finally {
    await removeAll(test);
  }
}

interface Test {
  readonly ports: StorePorts;
  readonly folder: string;
  readonly written: Set<Key>;
  /** What a permission means that this member lacks. */
  readonly refused: Verdict;
}

const writing = [
  { name: 'conditional-put', run: race },
  { name: 'multipart', run: streamAndRead },
  { name: 'list-order', run: listWritten },
  { name: 'delete', run: removeOne },
];

/** A fault of one check is that check's finding. */
async function tell(test: Test, check: string, run: () => Promise<Finding>): Promise<Finding> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    if (error.code === 'refused' && test.refused === 'note')
      return finding(check, 'note', `${error.message} (${error.code})`, followersNeed);
    const verdict = error.kind !== 'permanent' ? 'unreachable' : error.code === 'refused' ? test.refused : 'problem';
    return finding(check, verdict, `${error.message} (${error.code})`, error.fix);
  }
}

/** Name resolution, connection, TLS, key, bucket and the right to list: one LIST tells them all. */
async function firstContact(test: Test): Promise<Finding[]> {
  const { datastore, time } = test.ports;
  const before = time.wallMs();
  try {
    const { dateMs } = await datastore.list('', { limit: 1 });
    const here = (before + time.wallMs()) / 2;
    return [finding('list', 'ok', 'the store answers, knows the key, and lists the prefix'), clockFinding(here - dateMs)];
  } catch (error) {
    if (!(error instanceof DatastoreFault)) throw error;
    const partly = error.code === 'refused' && /AccessDenied|Forbidden/.test(error.message);
    return [finding('list', partly ? 'problem' : 'unreachable', `${error.message} (${error.code})`, error.fix)];
  }
}

async function put(test: Test, name: string, bytes: Buffer): Promise<Key> {
  const key = test.folder + name;
  test.written.add(key);
  await test.ports.datastore.put(key, bytes);
  return key;
}

async function putAndRead(test: Test): Promise<Finding> {
  const { datastore, random } = test.ports;
  const bytes = Buffer.from(random.hex(1024), 'hex');
  const key = await put(test, 'object', bytes);
  const { value } = await datastore.get(key, { bytesMax: bytes.length });
  if (value === null) return finding('put', 'problem', 'an object that was just written is not there', inconsistent);
  if (!value.bytes.equals(bytes))
    return finding('put', 'problem', 'an object is read back with other bytes', 'Do not use this store: it changes what it is given.');
  const absent = await datastore.get(`${test.folder}absent`, { bytesMax: 1 });
  if (absent.value !== null) return finding('put', 'problem', 'the store invents an object that was never written', inconsistent);
  return finding('put', 'ok', 'objects can be written and are read back unchanged');
}

const followersNeed =
  'Nothing, for a member that only follows. To show the others how far it is, grant s3:PutObject below …/members/ alone (see the README).';
const inconsistent = 'Use a store with strong consistency, without a cache in between.';
const singlePublisher =
  'This store cannot host several writers: use another one, or let a single member publish (role: publisher there, subscriber on all others).';

/** Rule L5: of sixteen puts of one new key exactly one may win, and its bytes must stand. */
async function race(test: Test): Promise<Finding> {
  const { datastore } = test.ports;
  const key = `${test.folder}race`;
  test.written.add(key);
  const bodies = Array.from({ length: racers }, (_, racer) => Buffer.from(`racer ${racer}`));
  const results = await Promise.all(bodies.map((bytes) => enter(datastore, key, bytes)));
  const winners = bodies.filter((_, racer) => results[racer] === 'created');
  const unknown = results.filter((result) => result === 'unknown').length;
  if (winners.length > 1)
    return finding(
      'conditional-put',
      'problem',
      `${winners.length} of ${racers} puts of one new key succeeded, where one may`,
      singlePublisher,
    );
  const standing = (await datastore.get(key, { bytesMax: 64 })).value?.bytes;
  if (standing === undefined)
    return finding('conditional-put', 'problem', `none of ${racers} puts of one new key succeeded`, singlePublisher);
  if (winners[0] !== undefined && !winners[0].equals(standing))
    return finding('conditional-put', 'problem', 'the put that was told it had won does not stand', singlePublisher);
  if ((await enter(datastore, key, Buffer.from('late'))) === 'created')
    return finding('conditional-put', 'problem', 'a put with If-None-Match: * replaced an object', singlePublisher);
  const lost = unknown === 0 ? '' : ` (${unknown} answers were lost)`;
  return finding('conditional-put', 'ok', `of ${racers} puts of one new key exactly one succeeded${lost}`);
}

async function enter(datastore: Datastore, key: Key, bytes: Buffer): Promise<'created' | 'exists' | 'unknown'> {
  try {
    return (await datastore.putIfAbsent(key, bytes)).value;
  } catch (error) {
    if (error instanceof DatastoreFault && error.kind === 'unknown') return 'unknown';
    throw error;
  }
}

async function streamAndRead(test: Test): Promise<Finding> {
  const { datastore } = test.ports;
  const key = `${test.folder}stream`;
  test.written.add(key);
  await datastore.putStream(key, streamBytes, () => pieces());
  const tail = { offset: streamBytes - pieceBytes, length: pieceBytes };
  const { value } = await datastore.get(key, { bytesMax: pieceBytes, range: tail });
  const right = value !== null && value.bytes.length === pieceBytes && value.bytes.every((byte) => byte === filler);
  if (!right) return finding('multipart', 'problem', 'a part of a large object is not read back as it was written', inconsistent);
  return finding('multipart', 'ok', 'large objects can be written in parts and read in ranges');
}

const filler = 0x66;

async function* pieces(): AsyncGenerator<Buffer> {
  const piece = Buffer.alloc(pieceBytes, filler);
  for (let left = streamBytes; left > 0; left -= pieceBytes) yield piece.subarray(0, Math.min(left, pieceBytes));
}

async function listWritten(test: Test): Promise<Finding> {
  const names = ['log/09', 'log/10', 'log-', 'log0'];
  for (const name of names) await put(test, name, Buffer.from(name));
  const { value } = await test.ports.datastore.list(`${test.folder}log/`, { after: `${test.folder}log/09` });
  const all = await test.ports.datastore.list(`${test.folder}log`, {});
  const listed = all.value.objects.map(({ key }) => key.slice(test.folder.length));
  const right = value.objects.length === 1 && listed.join(' ') === 'log- log/09 log/10 log0';
  if (!right)
    return finding('list-order', 'problem', `a listing is not in byte order or not up to date: ${listed.join(' ')}`, inconsistent);
  return finding('list-order', 'ok', 'listings are complete, in byte order, and start behind a key');
}

async function removeOne(test: Test): Promise<Finding> {
  const { datastore } = test.ports;
  const key = `${test.folder}object`;
  await datastore.remove(key);
  const { value } = await datastore.get(key, { bytesMax: 4096 });
  if (value !== null) return finding('delete', 'problem', 'an object that was deleted is still there', inconsistent);
  test.written.delete(key);
  return finding('delete', 'ok', 'objects can be deleted');
}

/** What cannot be removed now is removed by a later run. */
async function removeAll({ ports, written }: Test): Promise<void> {
  const keys = [...written, ...(await leftovers(ports))];
  await Promise.all(keys.map((key) => ports.datastore.remove(key).catch(() => undefined)));
}

async function leftovers({ datastore }: StorePorts): Promise<Key[]> {
  try {
    const { value, dateMs } = await datastore.list('doctor-', {});
    const ours = value.objects.filter(({ key, modifiedMs }) => /^doctor-[0-9a-f]{16}\//.test(key) && modifiedMs < dateMs - leftoverMs);
    return ours.map(({ key }) => key);
  } catch (error) {
    if (error instanceof DatastoreFault) return [];
    throw error;
  }
}
