import { randomBytes } from 'node:crypto';
import { appendFileSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { ended, type Federation, onS3, startFederation } from './support/federation.ts';
import { startCounting, type Traffic } from './support/traffic.ts';
import { differences, snapshot } from './support/tree.ts';

const mebibyte = 1024 * 1024;
const largeBytes = 300 * mebibyte;

async function setUp(delayMs: number): Promise<{ federation: Federation; traffic: Traffic }> {
  const traffic = await startCounting(() => ({ delayMs }));
  const federation = startFederation(['web-a', 'web-b'], { datastore: onS3(traffic.store.endpoint) });
  onTestFinished(async () => {
    federation.close();
    await traffic.store.close();
  });
  writeFileSync(join(federation.root('web-a'), 'first'), 'first');
  for (const member of ['web-a', 'web-b']) expect(await federation.run(member, ['sync'])).toMatchObject({ code: 0 });
  traffic.reset();
  return { federation, traffic };
}

function plantLarge(federation: Federation): void {
  for (let done = 0; done < largeBytes; done += 10 * mebibyte)
    appendFileSync(join(federation.root('web-a'), 'large'), randomBytes(10 * mebibyte));
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(20);
}

test('R-P4: a small change overtakes a long upload', async () => {
  const { federation, traffic } = await setUp(500);
  plantLarge(federation);
  const uploading = ended(federation.start('web-a', ['sync']));
  await until(() => traffic.packPuts > 0);
  const startedMs = performance.now();
  writeFileSync(join(federation.root('web-a'), 'small'), 'small');
  while (!existsSync(join(federation.root('web-b'), 'small'))) expect((await federation.run('web-b', ['sync'])).code).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(5000);
  expect(traffic.packBytesSent).toBeLessThan(largeBytes);
  expect(await uploading).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await federation.run('web-b', ['sync'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
});

test('R-P4: an upload that was killed goes on where it was', async () => {
  const { federation, traffic } = await setUp(100);
  plantLarge(federation);
  const first = federation.start('web-a', ['sync']);
  const killed = ended(first);
  await until(() => traffic.packBytesSent > 0.6 * largeBytes);
  first.kill('SIGKILL');
  expect((await killed).signal).toBe('SIGKILL');
  traffic.reset();
  expect(await federation.run('web-a', ['sync'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(traffic.packBytesSent).toBeLessThan(0.6 * largeBytes);
  expect(await federation.run('web-b', ['sync'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(differences(snapshot(federation.root('web-a')), snapshot(federation.root('web-b')))).toEqual([]);
});
