import type { ShareConfig } from '../config-types.ts';
import { contentHash } from '../model/digest.ts';
import { decodeFormat } from '../model/format.ts';
import { type Scope, wholeScope } from '../model/scope.ts';
import { Scanning } from '../steps/scan.ts';
import { breathing } from './breath.ts';
import { Cycle, type Memory, type Ports } from './context.ts';
import { isBeatYoung, repeatBeat } from './heartbeat.ts';
import { pollNext } from './ingest.ts';

/**
 * What a cycle would have to deal with on this disk, as one text; '' when nothing differs from the journal. Reads no content and
 * asks the bucket nothing. Equal texts mean that nothing has happened in between: what is held or refused differs for long.
 * '' when the signal comes. The caller holds the share's lock.
 */
export async function glance(ports: Ports, signal: AbortSignal, scope: Scope = wholeScope): Promise<string> {
  const { tree, journal, time, excluded } = ports;
  const root = tree.rootState();
  if (root.state !== 'present') return `root ${root.state}`;
  const decided = journal.holds().filter((hold) => hold.state !== 'open');
  const scanning = new Scanning({ ...ports, nowUs: time.wallMs() * 1000 }, excluded, scope);
  const goOn = breathing(time, signal);
  while (scanning.walkOn()) if (!(await goOn())) return '';
  const scanned = scanning.ended();
  tree.rest();
  const lines = [
    ...(scanned.rootHasEntries ? [] : [isEmptied(ports) ? 'emptied' : '']),
    ...(journal.meta('rootIno') === String(root.ino) && journal.meta('rootDev') === String(root.dev) ? [] : ['another root']),
    ...decided.map((hold) => `${hold.state} ${hold.id}`),
    ...scanned.found.map(
      ({ path, stat }) => `${path}\0${stat.kind} ${stat.ino} ${stat.size} ${stat.mtimeKey} ${stat.ctimeKey} ${stat.mode}`,
    ),
    ...scanned.missing.map(({ path }) => `${path}\0missing`),
    ...scanned.unknown.map((path) => `${path}\0unknown`),
  ].filter((line) => line !== '');
  return lines.length === 0 ? '' : contentHash(lines.join('\n'));
}

function isEmptied({ journal }: Ports): boolean {
  return journal.agreedChildren('').length > 0;
}

/** The parts of a share's agent that live from cycle to cycle. */
export interface Standing {
  readonly ports: Ports;
  readonly config: ShareConfig;
  readonly memory: Memory;
}

/**
 * The idle poll: one GET of the next record. True when a cycle has something to do, or when only a cycle can tell.
 * Throws DatastoreFault.
 */
export async function hasNews(share: Standing, signal: AbortSignal): Promise<boolean> {
  const remembered = share.ports.journal.meta('format');
  const decoded = remembered === undefined ? null : decodeFormat(Buffer.from(remembered));
  if (decoded === null || !decoded.ok) return true;
  const cycle = idleCycle(share, signal);
  cycle.format = decoded.format;
  return await pollNext(cycle);
}

/** Tells the other members that this one lives. Throws DatastoreFault. */
export async function stillAlive(share: Standing, signal: AbortSignal): Promise<void> {
  const cycle = idleCycle(share, signal);
  if (!isBeatYoung(cycle)) await repeatBeat(cycle);
}

function idleCycle({ ports, config, memory }: Standing, signal: AbortSignal): Cycle {
  return new Cycle(ports, config, { dryRun: false, only: null, signal }, memory);
}
