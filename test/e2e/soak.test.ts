import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cephServer, devS3Server, givenServer } from '../soak/server.ts';
import { soak } from '../soak/soak.ts';

const { FLOCKSYNC_TEST_S3_ENDPOINT: given, FLOCKSYNC_TEST_CEPH: script, FLOCKSYNC_SOAK_SEED, FLOCKSYNC_SOAK_SECONDS } = process.env;

/** Longer against the real store; `npm run soak` is for half hours. */
const seconds = Number(FLOCKSYNC_SOAK_SECONDS ?? (given === undefined ? 15 : 40));

test('three agents in bad weather, killed again and again, lose nothing that was acknowledged', { timeout: 600_000 }, async ({
  signal,
}) => {
  const seed = Number(FLOCKSYNC_SOAK_SEED ?? Date.now() % 1_000_000);
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-soak-'));
  const own = given === undefined ? await devS3Server(join(directory, 'dev-s3')) : null;
  const server = own ?? (script === undefined ? givenServer(given as string) : cephServer(script, given as string));
  try {
    const { violations, figures, acknowledged, kills } = await soak({
      seed,
      seconds,
      directory,
      server,
      tell: () => undefined,
      stop: signal,
    });
    console.info([`soak, seed ${seed}, ${seconds} s, ${server.name}:`, ...figures].join('\n'));
    expect(violations, `logs, states and bucket lie in ${directory}; FLOCKSYNC_SOAK_SEED=${seed}`).toEqual([]);
    expect(acknowledged).toBeGreaterThan(0);
    expect(kills).toBeGreaterThan(0);
    rmSync(directory, { recursive: true, force: true });
  } finally {
    await server.close();
  }
});
