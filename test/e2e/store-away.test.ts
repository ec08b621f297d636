import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Request } from '../../src/dev-s3/exchange.ts';
import type { Intervention } from '../../src/dev-s3/server.ts';
import { startTestS3 } from '../dev-s3/start.ts';
import { configureShares, s3Lines } from './support/daemon.ts';
import { startFederation } from './support/federation.ts';
import { differences, snapshot } from './support/tree.ts';

const quiet = { code: 0, signal: null, stdout: '', stderr: '' };
/** `sync` gives a store in trouble 60 s in all. */
const troubleMs = 65_000;
const shares = Array.from({ length: 20 }, (_, n) => `share-${n}`);

interface Away {
  readonly when: string;
  readonly intercept: (request: Request) => Intervention;
  readonly says: RegExp;
}

const cases: readonly Away[] = [
  { when: 'it answers 503 to everything', intercept: () => ({ status: 503, code: 'SlowDown' }), says: /\(throttled\)/ },
  { when: 'it accepts and never answers', intercept: () => 'hang', says: /\(timeout\)/ },
  { when: 'it hangs once the record is due', intercept: (request) => (isRecordPut(request) ? 'hang' : 'pass'), says: /\(timeout\)/ },
  {
    when: 'bodies break off',
    intercept: ({ method }) => (method === 'GET' ? { truncateBodyAt: 1 } : 'pass'),
    says: /\((truncated|unreachable)\)/,
  },
  { when: 'connections are reset', intercept: () => 'reset', says: /\(unreachable\)/ },
];

function isRecordPut({ method, key }: Request): boolean {
  return method === 'PUT' && key.includes('/log/');
}

async function start(intercept: (request: Request) => Intervention) {
  let away = false;
  const s3 = await startTestS3({ intercept: (request) => (away ? intercept(request) : 'pass') });
  const lines = (endpoint: string) => ['url: "s3://bucket/prefix"', `endpoint: "${endpoint}"`, 'region: us-east-1'];
  const federation = startFederation(['a', 'b'], { datastore: lines(s3.endpoint) });
  const leave = (now: boolean) => {
    away = now;
  };
  const close = async () => {
    await s3.close();
    federation.close();
  };
  return { s3, federation, leave, close };
}

describe.concurrent('a store that is away for the whole run: at most 60 s, 75, told once, and the next run goes on', {
  timeout: 240_000,
}, () => {
  test.each(cases)('$when', async ({ intercept, says }) => {
    const { federation, leave, close } = await start(intercept);
    try {
      writeFileSync(join(federation.root('a'), 'before'), 'before');
      for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
      writeFileSync(join(federation.root('a'), 'page'), 'page');
      leave(true);
      const startedMs = performance.now();
      const ran = await federation.run('a', ['sync']);
      expect(ran).toMatchObject({ code: 75, stdout: '' });
      expect(ran.stderr).toMatch(new RegExp(`^flocksync: webroot: the datastore cannot be used ${says.source}: .*\\. .*\\.\\n$`));
      expect(performance.now() - startedMs).toBeLessThan(troubleMs);
      expect(await federation.run('a', ['sync'])).toEqual({ code: 75, signal: null, stdout: '', stderr: '' });
      leave(false);
      for (const member of ['a', 'b']) expect(await federation.run(member, ['sync'])).toEqual(quiet);
      expect(differences(snapshot(federation.root('a')), snapshot(federation.root('b')))).toEqual([]);
    } finally {
      await close();
    }
  });

  test('nobody listens at the endpoint', async () => {
    const port = await freePort();
    const lines = ['url: "s3://bucket/prefix"', `endpoint: "http://127.0.0.1:${port}"`, 'region: us-east-1'];
    const federation = startFederation(['a'], { datastore: lines });
    try {
      const startedMs = performance.now();
      const ran = await federation.run('a', ['sync']);
      expect(ran).toMatchObject({
        code: 75,
        stdout: '',
        stderr: expect.stringMatching(/^flocksync: webroot: .*\(unreachable\).*Check datastore\.endpoint.*\n$/),
      });
      expect(performance.now() - startedMs).toBeLessThan(troubleMs);
    } finally {
      federation.close();
    }
  });

  test('many shares together wait no longer than one', async () => {
    const { federation, s3, leave, close } = await start(() => 'hang');
    try {
      const roots = shares.flatMap((name) => [`- name: ${name}`, `  path: ${join(federation.directory, name)}`]);
      configureShares(federation, 'a', s3Lines(s3), roots);
      leave(true);
      const startedMs = performance.now();
      const ran = await federation.run('a', ['sync']);
      expect(ran.code).toBe(75);
      expect(ran.stderr.trim().split('\n')).toHaveLength(shares.length);
      expect(performance.now() - startedMs).toBeLessThan(troubleMs);
    } finally {
      await close();
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address() as { port: number };
  await new Promise((done) => server.close(done));
  return port;
}
