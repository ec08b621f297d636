import type { Heartbeat } from '../../../src/agent/heartbeat.ts';
import { noLag } from '../../../src/agent/lag.ts';
import type { HeardMember } from '../../../src/agent/members.ts';
import type { Sight } from '../../../src/cli/page/looks.ts';
import type { LocalStatus } from '../../../src/cli/status-local.ts';
import type { ShareStatus } from '../../../src/cli/status-look.ts';
import { loadConfig } from '../../../src/config.ts';
import type { ShareConfig } from '../../../src/config-types.ts';

export const nowMs = Date.UTC(2026, 10, 20, 12);

export function shareNamed(name: string): ShareConfig {
  const text = `{ federation: shop, datastore: { url: "file:///bucket" }, shares: [{ name: ${name}, path: "/srv/${name}" }] }`;
  const loaded = loadConfig(text, '', { variables: {}, hostName: 'web-a', realpath: () => null });
  const [share] = loaded.ok ? loaded.config.shares : [];
  if (share === undefined) throw new Error('the config must load');
  return share;
}

/** All is well at record 7. */
export function localWith(changes: Partial<LocalStatus> = {}): LocalStatus {
  return {
    ...{ cursor: 7, appliedTo: 7, digest: 'd', joined: true, counts: { files: 3, directories: 1, links: 0, bytes: 2048 } },
    ...{ incoming: { changes: 0, deletions: 0, bytes: 0 }, missing: 0, replay: null, outgoing: { records: 0, owed: 0 } },
    ...{ holds: [], halt: null, problems: [], conflicts: 0, deviations: { count: 0, first: [] }, lastCycle: null, heardAtMs: nowMs },
    ...{ requests: 0, missed: null, historyMs: null, ...changes },
  };
}

export function heardOf(name: string, changes: Partial<Heartbeat> = {}, agoMs = 1000): HeardMember {
  const heartbeat: Heartbeat = {
    ...{ schema: 1, id: `id-${name}`, name, version: '1.0', role: 'both', cursor: 7, hash: '', digest: '', applied: true, appliedTo: 7 },
    ...{ state: 'idle', problems: 0, holds: [], troubles: [], halt: null, progress: null, atMs: nowMs, ...changes },
  };
  return { heartbeat, agoMs };
}

/** One share of the member `web-a`, which the bucket has answered for. */
export function sightOf(name: string, changes: Partial<ShareStatus> = {}): Sight {
  const members = changes.members ?? [heardOf('web-a'), heardOf('web-b')];
  const lags = new Map(members.map(({ heartbeat }) => [heartbeat.id, noLag]));
  const share = shareNamed(name);
  const base: ShareStatus = { share, local: localWith(), process: null, head: 7, members, lags, selfId: 'id-web-a', fault: null, nowMs };
  return { share, status: { ...base, ...changes }, trouble: '', isWhole: true, latest: [], atMs: nowMs };
}
