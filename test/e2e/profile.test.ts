import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { startTestS3, type TestS3 } from '../dev-s3/start.ts';
import { configureShares } from './support/daemon.ts';
import { type Federation, onS3, startFederation } from './support/federation.ts';

let s3: TestS3;
let federation: Federation;
let environment: Record<string, string>;

beforeEach(async () => {
  s3 = await startTestS3();
  federation = startFederation(['a'], { datastore: onS3(s3.endpoint) });
  const credentials = join(federation.directory, 'credentials');
  writeFileSync(credentials, '[shop]\naws_access_key_id=test\naws_secret_access_key=testtest\n');
  environment = { AWS_SHARED_CREDENTIALS_FILE: credentials };
  writeFileSync(join(federation.root('a'), 'page'), 'x');
});
afterEach(async () => {
  await s3.close();
  federation.close();
});

/** Keys stand in the environment of every test; a profile goes before them, and cron hears nothing of it. */
test('a profile of the environment beside keys works in silence', async () => {
  const ran = await federation.run('a', ['sync'], { ...environment, AWS_PROFILE: 'shop', AWS_SECRET_ACCESS_KEY: 'wrong' });
  expect(ran).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
});

test('a profile of the config beside keys works in silence', async () => {
  configureShares(federation, 'a', [...onS3(s3.endpoint), 'profile: shop'], ['- name: webroot', `  path: ${federation.root('a')}`]);
  const ran = await federation.run('a', ['sync'], { ...environment, AWS_SECRET_ACCESS_KEY: 'wrong' });
  expect(ran).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
});

test('a profile that is not there: 75, and one sentence that says where to look', async () => {
  const ran = await federation.run('a', ['sync'], { ...environment, AWS_PROFILE: 'none' });
  expect(ran).toMatchObject({ code: 75, stdout: '' });
  expect(ran.stderr).toMatch(/^flocksync: webroot: .*\(refused\).*AWS_PROFILE.*\n$/);
});
