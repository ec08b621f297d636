import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { until } from './support/daemon.ts';
import { ended, type Federation, onS3, startFederation } from './support/federation.ts';
import { killAt } from './support/killer.ts';
import { givenEndpoint, placeAt } from './support/store.ts';
import { differences, snapshot } from './support/tree.ts';

const members = ['web-a', 'web-b', 'web-c'];
const shareLines = ['settle: 50ms', 'maxDelete: { percent: 100, floor: 100000 }'];
/** Each member's steps around a request, or what follows from one. */
const killedAt = [
  ['web-a', 'pack'],
  ['web-a', 'append'],
  ['web-a', 'record'],
  ['web-a', 'heartbeat'],
  ['web-b', 'stage'],
  ['web-b', 'replace'],
] as const;

let federation: Federation;
let close = async () => {};

/** The endpoint that is named by FLOCKSYNC_TEST_S3_ENDPOINT, else the development server. */
beforeEach(async () => {
  let datastore = givenEndpoint === undefined ? [] : placeAt(givenEndpoint);
  if (givenEndpoint === undefined) {
    const server = await startTestS3();
    datastore = onS3(server.endpoint);
    close = () => server.close();
  }
  federation = startFederation(members, { datastore, share: shareLines });
});

afterEach(async () => {
  federation.close();
  await close();
});

async function sync(): Promise<void> {
  const ran = await Promise.all(members.map((member) => federation.run(member, ['sync'])));
  for (const { code, stdout, stderr } of ran) expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' });
}

/** A command that has to end with 0 and no word of trouble; returns what it printed. */
async function silently(member: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await federation.run(member, args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

function path(member: string, name: string): string {
  return join(federation.root(member), name);
}

describe(givenEndpoint === undefined ? 'through the development server' : `through ${givenEndpoint}`, () => {
  test('doctor finds nothing', async () => {
    const { code, stdout } = await federation.run('web-a', ['doctor']);
    expect(stdout).toContain('All 15 checks passed.');
    expect(code).toBe(0);
  });

  test('three members converge: small and large files, links, moves, deletions, writers at the same moment', async () => {
    mkdirSync(path('web-a', 'pages'));
    for (let n = 0; n < 200; n++) writeFileSync(path('web-a', `pages/page-${n}.html`), `page ${n} `.repeat(n));
    writeFileSync(path('web-a', 'large'), Buffer.alloc(40 * 1024 * 1024, 'large file '));
    symlinkSync('pages/page-7.html', path('web-a', 'link'));
    expect((await federation.run('web-a', ['sync'])).code).toBe(0);
    await sync();
    for (const [index, member] of members.entries()) writeFileSync(path(member, `by-${index}`), member);
    renameSync(path('web-b', 'pages'), path('web-b', 'renamed'));
    rmSync(path('web-c', 'large'));
    for (let round = 0; round < 3; round++) await sync();
    for (const member of members) expect(snapshot(federation.root(member))).toEqual(snapshot(federation.root('web-a')));
    expect(readFileSync(path('web-c', 'renamed/page-199.html'), 'utf8')).toContain('page 199');
  });

  test('daemons bring a change to all members', async () => {
    writeFileSync(path('web-a', 'first'), 'x');
    const daemons = members.map((member) => federation.start(member, ['run']));
    const ends = daemons.map(ended);
    await until('the first file', () => members.every((member) => snapshot(federation.root(member)).has('first')), 60_000);
    writeFileSync(path('web-c', 'second'), 'y');
    await until('the second file', () => members.every((member) => snapshot(federation.root(member)).has('second')), 30_000);
    for (const daemon of daemons) daemon.kill('SIGTERM');
    for (const { code, stderr } of await Promise.all(ends)) expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('R-P1 R-S1 R-I4: kill -9 at each step that meets the store loses nothing; what was is restored', { timeout: 400_000 }, async () => {
    const [a, b] = ['web-a', 'web-b'];
    await sync();
    for (const [round, [victim, step]] of killedAt.entries()) {
      for (let n = 0; n < 5; n++) writeFileSync(path(a, `page-${n}`), `${round} ${n} `.repeat(20_000));
      if (victim === b) await silently(a, 'sync');
      await killAt(federation, victim, ['sync'], step, 0);
      for (const member of [a, b]) await silently(member, 'sync');
      expect(differences(snapshot(federation.root(a)), snapshot(federation.root(b))), `killed at ${step}`).toEqual([]);
    }
    const before = readFileSync(path(a, 'page-0'), 'utf8');
    const { versions } = JSON.parse(await silently(b, 'history', 'page-0', '--json'));
    expect(versions).toHaveLength(killedAt.length);
    await silently(b, 'restore', `page-0@${versions[0].version}`);
    await silently(a, 'sync');
    expect([before.slice(0, 4), readFileSync(path(a, 'page-0'), 'utf8').slice(0, 4)]).toEqual([`${killedAt.length - 1} 0 `, '0 0 ']);
    for (const member of [a, b]) await silently(member, 'verify');
  });

  test('R-H1 R-H3: housekeeping brings the bucket down to what is live; a new member comes from the snapshot', {
    timeout: 400_000,
  }, async () => {
    for (const member of members) federation.configure(member, ['settle: 0s', 'history: 1s', ...shareLines.slice(1)]);
    for (let version = 0; version < 4; version++) {
      writeFileSync(path('web-a', 'large'), randomBytes(300_000));
      writeFileSync(path('web-a', `small-${version}`), `version ${version}`);
      await silently('web-a', 'sync');
    }
    for (let times = 0; times < 4; times++) {
      await delay(2100);
      await silently('web-a', 'housekeep');
    }
    const store = await federation.open();
    const keys = (await store.list('webroot/', {})).value.objects.map(({ key }) => key.replace(/^webroot\/(\w+).*/, '$1'));
    await store.close();
    // Head and predecessor, one snapshot, what it needs, and two members at most.
    expect(keys.filter((kind) => kind === 'log')).toHaveLength(2);
    expect(keys.filter((kind) => kind === 'snapshots')).toHaveLength(1);
    expect(keys.filter((kind) => kind === 'packs').length).toBeLessThanOrEqual(2);
    await silently('web-b', 'sync');
    expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
    for (const member of ['web-a', 'web-b']) await silently(member, 'verify');
  });
});
