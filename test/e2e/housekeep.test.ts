import { randomBytes } from 'node:crypto';
import { readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { type Federation, type FederationOptions, onS3, quickShare, startFederation } from './support/federation.ts';
import { snapshot } from './support/tree.ts';

const shortHistory = [...quickShare, 'history: 2s'];

/** Every run is silent and 0 unless said otherwise. */
async function run(federation: Federation, member: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await federation.run(member, args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: '' });
  return stdout;
}

/** A busy day on two members; then several housekeepings with pauses longer than the history. */
async function liveAndKeep(federation: Federation): Promise<void> {
  const path = (name: string) => join(federation.root('web-a'), name);
  writeFileSync(path('small'), 'one');
  writeFileSync(path('large'), randomBytes(300_000));
  await run(federation, 'web-a', 'sync');
  await run(federation, 'web-b', 'sync');
  for (let version = 0; version < 3; version++) {
    writeFileSync(path('small'), `version ${version}`);
    writeFileSync(path('dies'), randomBytes(200_000));
    await run(federation, 'web-a', 'sync');
  }
  rmSync(path('dies'));
  await run(federation, 'web-a', 'sync');
  await run(federation, 'web-b', 'sync');
  for (let times = 0; times < 4; times++) {
    await delay(2600);
    expect(await run(federation, 'web-a', 'housekeep')).toBe('');
  }
  await delay(2600);
  expect(await run(federation, 'web-a', 'housekeep', '--dry-run')).toBe('');
}

const shrunk = [...['format.json', 'log/N', 'log/N', 'members/ID.json', 'members/ID.json'], ...['packs/ID', 'packs/ID', 'snapshots/N-ID']];

async function expectNewMember(federation: Federation): Promise<void> {
  await run(federation, 'web-c', 'sync');
  expect(snapshot(federation.root('web-c'))).toEqual(snapshot(federation.root('web-a')));
}

async function within(options: FederationOptions, look: (federation: Federation) => Promise<void>): Promise<void> {
  const federation = startFederation(['web-a', 'web-b', 'web-c'], { share: shortHistory, ...options });
  try {
    await look(federation);
  } finally {
    federation.close();
  }
}

const generic = (key: string) => key.replace(/[0-9]{16}/, 'N').replace(/[0-9a-f]{32}/, 'ID');

test('a short history and housekeep bring a directory bucket down to what is live', { timeout: 120_000 }, async () => {
  await within({}, async (federation) => {
    await liveAndKeep(federation);
    const share = join(federation.bucket, 'shop', 'webroot');
    const files = readdirSync(share, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const keys = files.map((entry) => generic(join(entry.parentPath, entry.name).slice(share.length + 1)));
    expect(keys.sort()).toEqual(shrunk);
    await expectNewMember(federation);
    // Who was away meanwhile goes on from the snapshot, which it says once.
    expect((await federation.run('web-b', ['sync'])).code).toBe(1);
    await run(federation, 'web-b', 'sync');
    expect(snapshot(federation.root('web-b'))).toEqual(snapshot(federation.root('web-a')));
  });
});

test('the same through S3, where an unfinished upload goes too', { timeout: 120_000 }, async () => {
  const server = await startTestS3();
  try {
    await within({ datastore: onS3(server.endpoint) }, async (federation) => {
      await server.begin(`webroot/packs/${'0'.repeat(32)}`);
      await liveAndKeep(federation);
      const store = await server.open();
      const { value } = await store.list('webroot/', {});
      expect(value.objects.map(({ key }) => generic(key.slice('webroot/'.length)))).toEqual(shrunk);
      expect((await store.unfinishedUploads('')).value).toEqual([]);
      await store.close();
      await expectNewMember(federation);
    });
  } finally {
    await server.close();
  }
});

test('housekeep -n names each object and the reason, and does nothing; --json is one document', { timeout: 60_000 }, async () => {
  await within({}, async (federation) => {
    writeFileSync(join(federation.root('web-a'), 'file'), 'content');
    await run(federation, 'web-a', 'sync');
    const share = join(federation.bucket, 'shop', 'webroot');
    const before = readdirSync(share, { recursive: true }).sort();
    const told = await run(federation, 'web-a', 'housekeep', '-n');
    expect(told.split('\n')).toEqual([
      'pack      webroot/packs/  (1 contents lie only in 1 records of the log that are to go)',
      'snapshot  webroot/snapshots/  (the state up to record 2 is written)',
      '',
    ]);
    const document = JSON.parse(await run(federation, 'web-a', 'housekeep', '-n', '--json'));
    expect(document.shares[0].chores.map(({ what }: { what: string }) => what)).toEqual(['pack', 'snapshot']);
    expect(readdirSync(share, { recursive: true }).sort()).toEqual(before);
  });
});

test('a subscriber looks after itself alone, and says so; a share that is not there yet is a problem', { timeout: 60_000 }, async () => {
  await within({}, async (federation) => {
    const { code, stderr } = await federation.run('web-a', ['housekeep']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('the share is not in the bucket yet')]);
    writeFileSync(join(federation.root('web-a'), 'file'), 'content');
    await run(federation, 'web-a', 'sync');
    federation.configure('web-b', [...shortHistory, 'role: subscriber']);
    await run(federation, 'web-b', 'sync');
    expect(await run(federation, 'web-b', 'housekeep')).toContain('a subscriber does not write to the bucket');
    expect(readdirSync(join(federation.bucket, 'shop', 'webroot', 'log'))).toHaveLength(1);
  });
});

test('a member that was not heard of for a week is gone in status; its heartbeat goes after a month', { timeout: 60_000 }, async () => {
  await within({}, async (federation) => {
    writeFileSync(join(federation.root('web-a'), 'file'), 'content');
    await run(federation, 'web-a', 'sync');
    await run(federation, 'web-b', 'sync');
    const members = join(federation.bucket, 'shop', 'webroot', 'members');
    const { shares } = JSON.parse(await run(federation, 'web-a', 'status', '--json'));
    const [other] = shares[0].members.filter(({ self }: { self: boolean }) => !self);
    expect(other.gone).toBe(false);
    const silent = (days: number) => {
      const at = Date.now() / 1000 - days * 24 * 3600;
      utimesSync(join(members, `${other.id}.json`), at, at);
    };
    silent(8);
    expect(await run(federation, 'web-a', 'status')).toMatch(/web-b .* 8 d.* ago, gone/);
    await run(federation, 'web-a', 'housekeep');
    expect(readdirSync(members)).toHaveLength(2);
    silent(31);
    await run(federation, 'web-a', 'housekeep');
    expect(readdirSync(members)).not.toContain(`${other.id}.json`);
  });
});
