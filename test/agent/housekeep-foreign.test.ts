import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Datastore } from '../../src/ports/datastore.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { bucketClock } from './clocked.ts';
import { bucketIn, memberIn, type TestMember } from './member.ts';

const day = 24 * 3600 * 1000;
const signal = new AbortController().signal;
const historyMs = 3 * day;

async function keep(member: TestMember): Promise<void> {
  const { kept, cycle } = await member.agent.housekeep({ dryRun: false, signal });
  expect(cycle.problems).toEqual([]);
  expect(kept).not.toBeNull();
}

test('what others put among the objects of a share is neither deleted nor taken for one of them', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const a = memberIn(home, 'a', { config: { historyMs }, through: clock.through });
  writeFileSync(join(a.root, 'goes'), randomBytes(200_000));
  writeFileSync(join(a.root, 'stays'), 'stays');
  await a.cycle();
  const share = join(home, 'bucket', 'shop', 'webroot');
  const [pack = ''] = readdirSync(join(share, 'packs'));
  const id = 'a'.repeat(32);
  const foreign = [
    ...[
      `packs/backup/${pack}`,
      `packs/${id}.gz`,
      `packs/x/${id}`,
      `bodies/old/${id}`,
      'snapshots/README',
      `snapshots/old/${'0'.repeat(15)}1-${id}`,
    ],
    ...['log/foo', 'log/old/0000000000000001', 'members/README', `members/old/${id}.json`, `web-1/packs/${id}`],
  ];
  for (const key of foreign) {
    mkdirSync(join(share, key, '..'), { recursive: true });
    copyFileSync(join(share, 'packs', pack), join(share, key));
  }
  rmSync(join(a.root, 'goes'));
  await a.cycle();
  for (let times = 0; times < 25; times++) {
    clock.pass(2 * day);
    await keep(a);
  }
  expect(foreign.filter((key) => !existsSync(join(share, key)))).toEqual([]);
  const { value } = await bucketIn(home).list('webroot/packs/', {});
  expect(value.objects.map(({ key }) => key)).not.toContain(`webroot/packs/${pack}`);
  expect(readdirSync(join(share, 'log')).filter((name) => name.startsWith('0'))).toHaveLength(2);
  const b = memberIn(home, 'b', { config: { historyMs }, through: clock.through });
  expect((await b.cycle()).problems).toEqual([]);
  expect(readdirSync(b.root)).toEqual(['stays']);
});

test('an unfinished upload is given up where only this program can have begun it', async () => {
  const home = temporaryDirectory();
  const clock = bucketClock();
  const id = 'a'.repeat(32);
  const ours = [`webroot/packs/${id}`, `webroot/snapshots/${'0'.repeat(15)}1-${id}`, 'webroot/packs/'];
  const foreign = ['webroot/packs/backup.tar', `webroot/packs/old/${id}`, 'webroot/snapshots/README'];
  const aborted: string[] = [];
  const changed: Partial<Datastore> = {
    unfinishedUploads: (prefix) => {
      const keys = [...ours, ...foreign].filter((key) => key.startsWith(prefix));
      return Promise.resolve({ value: keys.map((key) => ({ key, id: key, startedMs: 0 })), dateMs: clock.nowMs() });
    },
    abortUpload: ({ key }) => {
      aborted.push(key);
      return Promise.resolve({ value: undefined, dateMs: clock.nowMs() });
    },
  };
  const through = (store: Datastore) =>
    new Proxy(clock.through(store), { get: (target, name) => Reflect.get(changed, name) ?? Reflect.get(target, name).bind(target) });
  const a = memberIn(home, 'a', { config: { historyMs }, through });
  writeFileSync(join(a.root, 'file'), 'one');
  await a.cycle();
  await keep(a);
  expect(aborted.sort()).toEqual(ours.sort());
});
