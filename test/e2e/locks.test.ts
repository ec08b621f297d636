import { mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { startTestS3 } from '../dev-s3/start.ts';
import { documented } from '../documented.ts';
import { until } from './support/daemon.ts';
import { ended, type Federation, startFederation } from './support/federation.ts';
import { manyFiles, plant } from './support/plant.ts';
import { differences, snapshot } from './support/tree.ts';

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
let federation: Federation;

beforeEach(() => {
  federation = startFederation(['a', 'b']);
  onTestFinished(() => federation.close(), 60_000);
});

test('five syncs of one member at once take turns, and all end with 0 in silence', async () => {
  plant(federation.root('a'), manyFiles(200));
  const runs = await Promise.all(Array.from({ length: 5 }, () => federation.run('a', ['sync'])));
  expect(runs).toEqual(Array(5).fill(quiet));
  expect(await federation.run('b', ['sync'])).toEqual(quiet);
  expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
});

test('R-G4: another state directory on the same root is exit 2 with a sentence, while the first one works', async () => {
  const { start, release } = await held();
  const other = join(federation.directory, 'a', 'other-state');
  mkdirSync(other);
  writeFileSync(join(other, 'flocksync.yml'), configWith(other));
  const ran = await ended(federation.start('a', ['sync', '--config', join(other, 'flocksync.yml')]));
  expect(ran.code).toBe(2);
  expect(ran.stderr).toMatch(
    /^flocksync: webroot: another flocksync, with another state directory, looks after the root .*\. Let one config .*\n$/,
  );
  release();
  expect(await ended(start)).toEqual(quiet);
});

test('two roots in one directory with shares of one name: the message names the staging area that both use, and the way out', async () => {
  const { start, release } = await held();
  const beside = join(federation.root('a'), '../other-html');
  const other = join(federation.directory, 'a', 'other-state');
  mkdirSync(other);
  mkdirSync(beside);
  writeFileSync(join(other, 'flocksync.yml'), configWith(other).replace(federation.root('a'), beside));
  const ran = await ended(federation.start('a', ['sync', '--config', join(other, 'flocksync.yml')]));
  expect(ran.code).toBe(2);
  expect(ran.stderr).toMatch(documented('root-in-use'));
  expect(ran.stderr).toContain(
    `or after another root in the same directory by a share of the same name (both use .flocksync-webroot there)`,
  );
  expect(ran.stderr).toContain('put two roots with shares of one name into directories of their own');
  release();
  expect(await ended(start)).toEqual(quiet);
});

test('--no-wait beside a running cycle leaves at once, silently, with 0; without it a sync waits for its turn', async () => {
  const { start, release } = await held();
  const startedMs = performance.now();
  expect(await federation.run('a', ['sync', '--no-wait'])).toEqual(quiet);
  expect(performance.now() - startedMs).toBeLessThan(3000);
  writeFileSync(join(federation.root('a'), 'later'), 'later');
  const waiting = federation.run('a', ['sync']);
  await pause(500);
  release();
  expect(await ended(start)).toEqual(quiet);
  expect(await waiting).toEqual(quiet);
  expect(await federation.run('b', ['sync'])).toEqual(quiet);
  expect(snapshot(federation.root('b')).has('later')).toBe(true);
});

test('a sync that a signal ends while it waits does not claim to be done', async () => {
  const { start, release } = await held();
  const waiting = federation.start('a', ['sync']);
  const text = ended(waiting);
  await until('it asks the one at work', () => socketsOf(waiting.pid ?? 0) > 2, 20_000);
  waiting.kill('SIGTERM');
  expect(await text).toMatchObject({ code: 1, stderr: expect.stringContaining('stopped by a signal') });
  release();
  expect(await ended(start)).toEqual(quiet);
});

test('the lock of a killed process blocks nobody', async () => {
  const { start } = await held();
  const end = ended(start);
  start.kill('SIGKILL');
  await end;
  federation.configure('a');
  const startedMs = performance.now();
  expect(await federation.run('a', ['sync'])).toEqual(quiet);
  expect(performance.now() - startedMs).toBeLessThan(5000);
});

/** Two of them are the pipes of its output. */
function socketsOf(pid: number): number {
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => link.startsWith('socket:')).length;
}

/** A sync of member a that stands in the middle of its cycle until `release`. */
async function held() {
  let holding = true;
  let arrived: () => void = () => {};
  const inside = new Promise<void>((done) => {
    arrived = done;
  });
  const s3 = await startTestS3({
    intercept: ({ method, key }): Intervention => {
      if (!holding || method !== 'PUT' || !key.includes('/log/')) return 'pass';
      arrived();
      return { delayMs: 4000 };
    },
  });
  onTestFinished(() => s3.close());
  datastore = [`url: "s3://bucket/prefix"`, `endpoint: "${s3.endpoint}"`, 'region: us-east-1'];
  for (const member of ['a', 'b']) writeFileSync(federation.configFile(member), configWith(federation.state(member), member));
  writeFileSync(join(federation.root('a'), 'first'), 'first');
  const start = federation.start('a', ['sync']);
  await inside;
  const release = () => {
    holding = false;
  };
  return { start, release };
}

let datastore: readonly string[] = [];

function configWith(state: string, member = 'a'): string {
  const store = datastore.map((line) => `  ${line}`);
  const share = ['  - name: webroot', `    path: ${federation.root(member)}`, '    settle: 0s'];
  return ['federation: shop', 'datastore:', ...store, `member: ${member}`, `state: ${state}`, 'shares:', ...share, ''].join('\n');
}
