import { join } from 'node:path';
import { expect, test } from 'vitest';
import { lockShare } from '../../src/adapters/share-lock.ts';
import { systemTime } from '../../src/adapters/system.ts';
import { temporaryDirectory } from './temporary.ts';

const patient = { wait: true, signal: new AbortController().signal };

test('while one holds the lock another leaves or waits, and gets it at the release', async () => {
  const file = join(temporaryDirectory(), 'webroot.lock');
  const first = await lockShare(file, systemTime, patient);
  expect(await lockShare(file, systemTime, { ...patient, wait: false })).toBe(null);
  let waits = 0;
  const second = lockShare(file, systemTime, { ...patient, onWait: () => waits++ });
  setTimeout(() => first?.release(), 80);
  expect(await second).not.toBe(null);
  expect(waits).toBe(1);
  (await second)?.release();
});

test('the signal ends the wait', async () => {
  const file = join(temporaryDirectory(), 'webroot.lock');
  const first = await lockShare(file, systemTime, patient);
  const stop = new AbortController();
  const second = lockShare(file, systemTime, { wait: true, signal: stop.signal });
  stop.abort();
  expect(await second).toBe(null);
  first?.release();
});
