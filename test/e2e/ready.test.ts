import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { until } from './support/daemon.ts';
import { documentOf, type Json, shareStatus } from './support/document.ts';
import { ended, onS3 } from './support/federation.ts';
import { type Actor, scenario, settled } from './support/pair.ts';

function two() {
  const { federation, bucket, member } = scenario(['a', 'b']);
  return { federation, bucket, a: member('a'), b: member('b') };
}

const readyFile = ({ state }: Actor) => join(state, 'webroot.ready');
const isReady = (actor: Actor) => existsSync(readyFile(actor));

/** `status --ready` says 1, and what is missing; or 0 and nothing. */
async function expectUnready(actor: Actor, why: string): Promise<void> {
  const ran = await actor.run('status', '--ready');
  expect(ran).toMatchObject({ code: 1, stdout: '' });
  expect(ran.stderr).toContain(`flocksync: webroot: not ready: ${why}`);
  const document = await documentOf(actor, 1, 'status', '--ready');
  expect(document.shares[0]).toMatchObject({ ready: false });
  expect(document.shares[0].unready).toContain(why);
}

async function expectReady(actor: Actor): Promise<void> {
  expect(await actor.run('status', '--ready')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await shareStatus(actor)).toMatchObject({ ready: true, unready: null });
}

test('a server is ready once it has joined and has everything, and says what is missing until then', async () => {
  const { a, b } = two();
  await expectUnready(b, 'it was never synced here');
  await settled(a, b, { x: 'x1', 'd/y': 'y1' });
  await expectReady(b);
  const stands = JSON.parse(readFileSync(readyFile(b), 'utf8'));
  expect(stands).toMatchObject({ schema: 1, cursor: 1 });
  expect(Math.abs(Date.parse(stands.at) - Date.now())).toBeLessThan(60_000);
  a.put({ x: 'x2' });
  await a.sync();
  await expectUnready(b, 'it is 1 record behind');
  await b.sync();
  await expectReady(b);
  expect(JSON.parse(readFileSync(readyFile(b), 'utf8'))).toMatchObject({ cursor: 2 });
});

test('a halted share is not ready, nor one that has to join again; content that is missing counts', async () => {
  const { bucket, a, b } = two();
  await settled(a, b, { x: 'x1' });
  cpSync(bucket, `${bucket}.kept`, { recursive: true, preserveTimestamps: true });
  rmSync(bucket, { recursive: true });
  mkdirSync(bucket);
  await b.sync(3);
  await expectUnready(b, 'it is halted: ');
  expect(isReady(b)).toBe(false);
  await b.run('approve', 'lineage');
  rmSync(bucket, { recursive: true });
  renameSync(`${bucket}.kept`, bucket);
  await expectUnready(b, 'it is still joining');
  await b.sync();
  await expectReady(b);
  a.put({ large: randomBytes(200_000).toString('latin1') });
  await a.sync();
  const packs = join(bucket, 'packs');
  const [pack = ''] = readdirSync(packs);
  renameSync(join(packs, pack), `${bucket}.pack`);
  await b.sync(1);
  await expectUnready(b, '1 change not on this disk yet');
  expect(isReady(b)).toBe(false);
  renameSync(`${bucket}.pack`, join(packs, pack));
  await b.sync();
  await expectReady(b);
  expect(isReady(b)).toBe(true);
});

test('what a guard holds keeps nobody from being ready: every member would hold it at once', async () => {
  const { a, b } = two();
  await settled(a, b, Object.fromEntries(Array.from({ length: 60 }, (_, file) => [`f${file}`, `content ${file}`])));
  a.remove(...Array.from({ length: 40 }, (_, file) => `f${file}`));
  a.configure('maxDelete: { percent: 100, floor: 1000 }');
  await a.sync();
  await b.sync(3);
  expect((await b.run('status', '--ready')).code).toBe(0);
  expect(isReady(b)).toBe(true);
});

test('a lost journal is not ready before it has joined again, and a forgotten share leaves no file', async () => {
  const { federation, bucket, a, b } = two();
  await settled(a, b, { x: 'x1' });
  for (const suffix of ['', '-wal', '-shm']) rmSync(join(b.state, `webroot.journal${suffix}`), { force: true });
  renameSync(federation.bucket, `${federation.bucket}.away`);
  expect((await b.run('sync')).code).toBe(75);
  expect(isReady(b)).toBe(false);
  renameSync(`${federation.bucket}.away`, federation.bucket);
  await b.sync(1);
  expect(isReady(b)).toBe(true);
  expect(existsSync(bucket)).toBe(true);
  federation.configure('b');
  const other = readFileSync(federation.configFile('b'), 'utf8').replace('name: webroot', 'name: other');
  writeFileSync(federation.configFile('b'), other);
  expect((await b.run('forget', 'webroot')).code).toBe(0);
  expect(isReady(b)).toBe(false);
});

test('while a new server fetches, status shows how far it is and the time left', async () => {
  const s3 = await startTestS3({
    intercept: ({ method, key }) => (method === 'GET' && key.includes('/packs/') ? { delayMs: 2500 } : 'pass'),
  });
  const { federation, member } = scenario(['a', 'b'], { datastore: onS3(s3.endpoint) });
  const [a, b] = [member('a'), member('b')];
  a.put(Object.fromEntries(Array.from({ length: 3 }, (_, file) => [`f${file}`, randomBytes(6_000_000).toString('latin1')])));
  await a.sync();
  const syncing = ended(federation.start('b', ['sync']));
  await until('the journal', () => existsSync(join(b.state, 'webroot.journal')));
  let seen: Json = await shareStatus(b);
  while (seen.ready === false && (seen.replay?.leftMs ?? null) === null) seen = await shareStatus(b);
  expect(seen).toMatchObject({ ready: false, joined: false, replay: { phase: 'fetching', filesTotal: 3 } });
  expect(seen.replay.bytesDone).toBeGreaterThan(0);
  expect(seen.unready).toMatch(/^it is still joining; fetching, \d of 3 files, .* MB, about .* s left$/);
  expect((await b.run('status')).stdout).toMatch(/^ {2}now {8}fetching, \d of 3 files/m);
  expect(await syncing).toMatchObject({ code: 0 });
  await expectReady(b);
  expect((await shareStatus(b)).replay).toBeNull();
});
