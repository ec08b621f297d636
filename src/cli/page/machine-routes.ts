import { metricsType } from '../../adapters/metrics.ts';
import { type PageAnswer, plain } from '../../adapters/page-server.ts';
import { isMarkedReady } from '../../adapters/ready-file.ts';
import { readyFile } from '../../adapters/state-directory.ts';
import { toText } from '../../model/path.ts';
import { schemaVersion } from '../document.ts';
import { asDocument } from '../status.ts';
import { unreadiness } from '../status-ready.ts';
import { families } from './families.ts';
import { figuresOf } from './figures.ts';
import { stuck } from './health.ts';
import type { Asked, Parts } from './parts.ts';

interface MachineRoute {
  /** Says too little to be kept from anybody, and load balancers have no token. */
  readonly isOpen: boolean;
  /** `isReader`: names may be told. */
  answer(parts: Parts, asked: Asked, isReader: boolean): Promise<PageAnswer>;
}

const patienceMs = 8000;

/** What programs ask for. */
export const machineRoutes: Readonly<Record<string, MachineRoute | undefined>> = Object.assign(Object.create(null), {
  healthz: { isOpen: true, answer: health },
  readyz: { isOpen: true, answer: readiness },
  metrics: { isOpen: false, answer: metrics },
  'api/status.json': { isOpen: false, answer: statusDocument },
});

/** The process answers, and each share is seen to. Trouble with the bucket is none that a restart would help against. */
async function health({ followers }: Parts, _: Asked, isReader: boolean): Promise<PageAnswer> {
  const lines = stuck(followers().map(({ share, silentMs }) => ({ share: share.name, agoMs: silentMs })));
  if (lines.length === 0) return plain(200, 'ok');
  return plain(503, ['not ok', ...(isReader ? lines : [])].join('\n'));
}

/**
 * What a load balancer should go by: the ready files, which a bucket without an answer leaves as they are. All shares, or those of
 * `?share=`.
 */
async function readiness({ world, followers, looks }: Parts, { query }: Asked, isReader: boolean): Promise<PageAnswer> {
  const wanted = query.get('share');
  const names = followers().map(({ share }) => share.name);
  const asked = wanted === undefined ? names : names.filter((name) => name === toText(wanted));
  if (asked.length === 0) return plain(503, 'not ready: no such share is followed');
  const missing = asked.filter((name) => !isMarkedReady(readyFile(world.config, name)));
  if (missing.length === 0) return plain(200, 'ready');
  if (!isReader) return plain(503, 'not ready');
  const sights = await looks.here();
  const why = (name: string) => {
    const status = sights.find(({ share }) => share.name === name)?.status ?? null;
    return (status === null ? null : unreadiness(status)) ?? 'its last cycle did not find it ready';
  };
  return plain(503, missing.map((name) => `${name}: not ready: ${why(name)}`).join('\n'));
}

async function metrics({ world, followers, looks, metrics: gathered }: Parts): Promise<PageAnswer> {
  const all = followers();
  const sights = await looks.here();
  const shares = sights.flatMap((sight) => {
    const follower = all.find(({ share }) => share.name === sight.share.name);
    if (follower === undefined) return [];
    gathered.observe(sight.share.name, follower.vitals.takeDurationsMs());
    return [figuresOf(world, sight, follower, isMarkedReady(readyFile(world.config, sight.share.name)))];
  });
  gathered.keepOnly(new Set(all.map(({ share }) => share.name)));
  const { federation, member } = world.config;
  const process = { version: world.version, federation, member, requests: world.requests(), traffic: world.traffic() };
  return { status: 200, headers: { 'Content-Type': metricsType }, body: await gathered.text(families(shares, process)) };
}

/** As `flocksync status --json` prints it, at most some seconds old. */
async function statusDocument({ world, looks }: Parts): Promise<PageAnswer> {
  const sights = await looks.all(patienceMs);
  const { member, federation } = world.config;
  const shares = sights.flatMap(({ status }) => (status === null ? [] : [asDocument(status)]));
  const troubles = sights.flatMap(({ share, trouble }) => (trouble === '' ? [] : [{ share: share.name, text: trouble }]));
  const document = { schema: schemaVersion, member, federation, shares, ...(troubles.length > 0 ? { troubles } : {}) };
  return { status: 200, headers: { 'Content-Type': 'application/json; charset=utf-8' }, body: `${JSON.stringify(document, null, 2)}\n` };
}
