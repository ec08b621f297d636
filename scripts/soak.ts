// Three real agents in bad weather, with kill -9 and a server that dies: npm run soak -- --minutes 30 [--seed N] [--store ceph|dev-s3] [--endpoint URL] [--keep]
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { devS3Server, givenServer, ownCeph, type StoreServer } from '../test/soak/server.ts';
import { soak } from '../test/soak/soak.ts';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string' },
    store: { type: 'string' },
    endpoint: { type: 'string' },
    directory: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

// The SDK's word about the Node of next year is none of the soak's.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED = 'true';
const script = resolve(import.meta.dirname, '../../shared/s3/ceph-rgw.sh');
const seed = Number(values.seed ?? Date.now() % 1_000_000);
const minutes = Number(values.minutes);
if (!(minutes > 0) || !Number.isInteger(seed)) throw new Error('--minutes is a number above 0, --seed a whole number');
const directory = values.directory ?? mkdtempSync(join(tmpdir(), 'flocksync-soak-'));

async function server(): Promise<StoreServer> {
  if (values.endpoint !== undefined) return givenServer(values.endpoint);
  const asked = values.store ?? (existsSync(script) ? 'ceph' : 'dev-s3');
  if (asked === 'ceph') return await ownCeph(script, join(directory, 'ceph'));
  if (asked === 'dev-s3') return await devS3Server(join(directory, 'dev-s3'));
  throw new Error(
    '--store is ceph or dev-s3; any other server is named by --endpoint, with its keys in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
  );
}

const store = await server();
console.log(`seed ${seed}, ${minutes} minutes, ${store.name}; everything lies in ${directory}`);
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());
process.once('SIGTERM', () => stop.abort());
const tell = (line: string) => console.log(line);
const { violations, figures } = await soak({ seed, seconds: minutes * 60, directory, server: store, tell, stop: stop.signal });
await store.close();
for (const line of figures) console.log(line);
for (const line of violations) console.log(`VIOLATION ${line}`);
console.log(violations.length === 0 ? 'no violation' : `${violations.length} violations; logs, states and bucket are kept in ${directory}`);
if (violations.length === 0 && !values.keep && values.directory === undefined) rmSync(directory, { recursive: true, force: true });
process.exitCode = violations.length === 0 ? 0 : 1;
