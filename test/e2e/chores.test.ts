import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { documented } from '../documented.ts';
import { type Daemon, startDaemon, until } from './support/daemon.ts';
import { type Federation, startFederation } from './support/federation.ts';

let federation: Federation;
const running: Daemon[] = [];

afterEach(async () => {
  await Promise.all(running.splice(0).map((daemon) => daemon.stop()));
  federation.close();
});

function start(...share: string[]): Daemon {
  federation = startFederation(['web-a'], { share: ['settle: 0s', ...share] });
  writeFileSync(join(federation.root('web-a'), 'file'), randomBytes(300_000));
  writeFileSync(
    federation.configFile('web-a'),
    `log: ${join(federation.directory, 'log.jsonl')}\n${readFileSync(federation.configFile('web-a'), 'utf8')}`,
  );
  const daemon = startDaemon(federation, 'web-a');
  running.push(daemon);
  return daemon;
}

/** Finished verifications, by the log file. */
function verifications(): { readonly code: number; readonly sample: string }[] {
  const log = join(federation.directory, 'log.jsonl');
  const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return lines.flatMap((line) => (line.includes('"verified"') ? [JSON.parse(line)] : []));
}

function onlyPack(): string {
  const packs = join(federation.bucket, 'shop/webroot/packs');
  return join(packs, readdirSync(packs)[0] ?? '');
}

const firstRecord = () => existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000001'));
const statusOf = async () => JSON.parse((await federation.run('web-a', ['status', '--json'])).stdout).shares[0];

test('a scheduled verification tells its flaws until one finds none; the share goes on meanwhile', async () => {
  const daemon = start('verify: { at: "* * * * * *", sample: 100% }');
  await until('a clean verification', () => verifications().some(({ code, sample }) => code === 0 && sample === '100%'), 20_000);
  expect(daemon.stderr()).toBe('');
  const pack = onlyPack();
  const bytes = readFileSync(pack);
  writeFileSync(pack, Buffer.alloc(bytes.length));
  await until('the problem', () => daemon.stderr().includes('a verification found'), 20_000);
  writeFileSync(join(federation.root('web-a'), 'other'), 'y');
  await until('the share goes on', () => existsSync(join(federation.bucket, 'shop/webroot/log/0000000000000002')));
  const { problems } = await statusOf();
  expect(problems.map(({ code }: { code: string }) => code)).toEqual(['verify-flaws']);
  expect(problems[0].text).toMatch(documented('verify-flaws'));
  expect((await federation.run('web-a', ['sync'])).code).toBe(1);
  writeFileSync(pack, bytes);
  const done = verifications().length;
  await until(
    'another one',
    () =>
      verifications()
        .slice(done + 1)
        .some(({ code }) => code === 0),
    20_000,
  );
  await until('the problem is over', () => daemon.stderr() !== '');
  await delay(500);
  expect((await statusOf()).problems).toEqual([]);
  expect(daemon.stderr().trim().split('\n')).toHaveLength(1);
  expect((await daemon.stop()).tookMs).toBeLessThan(5000);
});

test('what a repair has mended stands no longer', async () => {
  const daemon = start('verify: { at: "* * * * * *", sample: 100% }');
  await until('the first record', firstRecord);
  writeFileSync(onlyPack(), 'x');
  await until('the problem', () => daemon.stderr().includes('a verification found'), 20_000);
  await daemon.stop();
  expect((await federation.run('web-a', ['sync'])).code).toBe(1);
  expect((await federation.run('web-a', ['verify', '--repair'])).code).toBe(0);
  expect(await federation.run('web-a', ['sync'])).toMatchObject({ code: 0, stderr: '' });
});

test('housekeeping by the schedule has no thresholds', async () => {
  const daemon = start('housekeep: "*/2 * * * * *"');
  await until('the first record', firstRecord);
  for (let n = 0; n < 4; n++) {
    writeFileSync(join(federation.root('web-a'), `file-${n}`), String(n));
    await until('its record', () => existsSync(join(federation.bucket, `shop/webroot/log/000000000000000${n + 2}`)));
  }
  await until('a snapshot', () => existsSync(join(federation.bucket, 'shop/webroot/snapshots')), 20_000);
  expect(await daemon.stop()).toMatchObject({ code: 0, stderr: '' });
});
