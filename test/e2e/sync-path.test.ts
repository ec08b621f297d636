import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Daemon, startDaemon, until } from './support/daemon.ts';
import { ended, type Federation, onS3, startFederation } from './support/federation.ts';
import { startCounting, type Traffic } from './support/traffic.ts';
import { differences, snapshot } from './support/tree.ts';

const megabyte = 1_000_000;
const filesPlanted = 12;
const plantedBytes = filesPlanted * 10 * megabyte;
const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
/** What the product promises, with room for a busy machine. */
const promptMs = 5000;

/** Two members that have joined, and a store that takes 800 ms for each pack: what is planted takes 12 s or more. */
async function slowStore(): Promise<{ federation: Federation; traffic: Traffic }> {
  const traffic = await startCounting(() => ({ delayMs: 800 }));
  const federation = startFederation(['web-a', 'web-b'], {
    datastore: onS3(traffic.store.endpoint),
    share: ['settle: 50ms', 'poll: 200ms'],
  });
  onTestFinished(async () => {
    federation.close();
    await traffic.store.close();
  }, 60_000);
  write(federation, 'first', Buffer.from('first'));
  for (const member of ['web-a', 'web-b']) expect(await federation.run(member, ['sync'])).toMatchObject({ code: 0 });
  traffic.reset();
  return { federation, traffic };
}

function write(federation: Federation, name: string, content: Buffer): void {
  const path = join(federation.root('web-a'), name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
}

/** Many directories with a file of 10 MB each. */
function plant(federation: Federation): void {
  for (let n = 0; n < filesPlanted; n++) write(federation, `bulk/${n % 7}/${n}/file`, randomBytes(10 * megabyte));
}

function start(federation: Federation, member: string): Daemon {
  const daemon = startDaemon(federation, member);
  onTestFinished(async () => void (await daemon.stop()));
  return daemon;
}

/** Asks for the path, and waits until the other member shows it so; both within the promised time. */
async function publishes(federation: Federation, path: string, isThere: () => boolean): Promise<void> {
  const startedMs = performance.now();
  expect(await federation.run('web-a', ['sync', '--path', path])).toEqual(quiet);
  await until(`${path} at the other member`, isThere, promptMs);
  expect(performance.now() - startedMs).toBeLessThan(promptMs);
}

const has = (federation: Federation, name: string, bytes: number) => () => {
  const path = join(federation.root('web-b'), name);
  return existsSync(path) && statSync(path).size === bytes;
};

async function converged(federation: Federation): Promise<void> {
  const same = () => differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b'))).length === 0;
  await until('everything at the other member', () => has(federation, `bulk/0/0/file`, 10 * megabyte)() && same(), 90_000);
}

test('sync --path goes before what a daemon is sending, which then goes on where it was', { timeout: 180_000 }, async () => {
  const { federation, traffic } = await slowStore();
  const daemon = start(federation, 'web-a');
  start(federation, 'web-b');
  plant(federation);
  await until('the first packs', () => traffic.packPuts > 3, 30_000);
  write(federation, 'asked/small', Buffer.from('small'));
  write(federation, 'asked/for/large', randomBytes(10 * megabyte));
  await publishes(federation, 'asked', has(federation, 'asked/for/large', 10 * megabyte));
  expect(has(federation, 'asked/small', 5)()).toBe(true);
  expect(existsSync(join(federation.root('web-b'), 'bulk'))).toBe(false);
  expect(traffic.packBytesSent).toBeLessThan(plantedBytes);
  // Something that is gone, named by its absolute path.
  rmSync(join(federation.root('web-a'), 'asked/small'));
  await publishes(
    federation,
    join(federation.root('web-a'), 'asked/small'),
    () => !existsSync(join(federation.root('web-b'), 'asked/small')),
  );
  expect(existsSync(join(federation.root('web-b'), 'bulk'))).toBe(false);
  // Killed in the middle: whoever asks does it himself.
  daemon.process.kill('SIGKILL');
  await daemon.ended;
  expect(existsSync(join(federation.state('web-a'), 'webroot.sock'))).toBe(true);
  write(federation, 'asked/after', Buffer.from('after'));
  await publishes(federation, 'asked/after', has(federation, 'asked/after', 5));
  const again = start(federation, 'web-a');
  await converged(federation);
  expect(traffic.packBytesSent).toBeLessThan(1.4 * (plantedBytes + 10 * megabyte));
  expect(await again.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('sync --path goes before what another sync is sending; both end with 0, in silence', { timeout: 180_000 }, async () => {
  const { federation, traffic } = await slowStore();
  start(federation, 'web-b');
  plant(federation);
  const sending = ended(federation.start('web-a', ['sync']));
  await until('the first packs', () => traffic.packPuts > 3, 30_000);
  write(federation, 'asked/small', Buffer.from('small'));
  write(federation, 'also asked', Buffer.from('also'));
  const startedMs = performance.now();
  expect(await federation.run('web-a', ['sync', '--path', 'asked', '--path', 'also asked'])).toEqual(quiet);
  await until('both', () => has(federation, 'asked/small', 5)() && has(federation, 'also asked', 4)(), promptMs);
  expect(performance.now() - startedMs).toBeLessThan(promptMs);
  expect(traffic.packBytesSent).toBeLessThan(plantedBytes);
  expect(await sending).toEqual(quiet);
  await converged(federation);
});
