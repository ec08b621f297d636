import { systemTime } from '../adapters/system.ts';
import { appliedTo } from '../agent/applied.ts';
import { aliveMs, type HeardMember, readHead, readMembers } from '../agent/members.ts';
import type { World } from '../compose.ts';
import type { ShareConfig } from '../config-types.ts';
import { askToWait } from './ask.ts';
import type { WaitCommand } from './command.ts';
import { printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import { formatElapsed, printable } from './format.ts';
import type { Output } from './output.ts';
import { chooseShares, readJournal, tellFault } from './shares.ts';
import { ownId } from './status-look.ts';

/** Long enough for members that cron starts every minute; command-table.ts names it. */
export const defaultTimeoutMs = 120_000;
const journalPauseMs = 500;
/** Heartbeats cost requests: one listing and one read for each member. */
const bucketPauseMs = 1000;

/** How far one member is. */
export interface Progress {
  readonly name: string;
  readonly self: boolean;
  readonly cursor: number;
  readonly appliedTo: number;
  readonly agoMs: number;
  /** What it says that may be the reason, '' where it says nothing. */
  readonly why: string;
}

/** What the wait for one share came to. */
interface Waited {
  readonly share: string;
  readonly record: number;
  readonly lagging: readonly Progress[];
  /** Members with a recent past that were not heard of within 3 minutes; nobody waits for them. */
  readonly silent: readonly Progress[];
}

/** Until everything in the log is applied: here, or with `--all` at every member that is running. */
export async function wait(world: World, command: WaitCommand, output: Output): Promise<ExitCode> {
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const codes: ExitCode[] = [chosen.code];
  const endMs = systemTime.monotonicMs() + (command.timeoutMs ?? defaultTimeoutMs);
  const waits = chosen.shares.map(async (share) => {
    try {
      return await waitFor(world, share, command, endMs);
    } catch (error) {
      codes.push(tellFault(error, share.name, output));
      return null;
    }
  });
  const waited = (await Promise.all(waits)).filter((one) => one !== null);
  for (const one of waited) {
    if (one.lagging.length > 0) codes.push(exit.problems);
    if (!command.json) tell(one, output);
  }
  if (command.json) printDocument(output, { applied: codes.every((code) => code === exit.done), shares: waited.map(asDocument) });
  return worst(codes);
}

async function waitFor(world: World, share: ShareConfig, command: WaitCommand, endMs: number): Promise<Waited> {
  const self = ownProgress(world, share);
  const record = command.record ?? (await readHead(await world.datastore(), share.name, self.cursor));
  for (;;) {
    const look = command.all ? await everybody(world, share) : { running: [ownProgress(world, share)], silent: [] };
    const lagging = look.running.filter((member) => member.appliedTo < record);
    const leftMs = endMs - systemTime.monotonicMs();
    if (lagging.length === 0 || leftMs <= 0 || world.signal.aborted) return { share: share.name, record, lagging, silent: look.silent };
    // Who looks after the share tells at once; where nobody does, or something went wrong, the journal is looked at again.
    if (!command.all && (await askToWait(world, share, record, within(world, leftMs))) !== null) continue;
    await systemTime.sleep(Math.min(leftMs, command.all ? bucketPauseMs : journalPauseMs), world.signal);
  }
}

/** A timer counts at most 2^31-1 ms. */
function within({ signal }: World, ms: number): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(Math.min(Math.ceil(ms), 2_147_483_647))]);
}

/** From the journal, which is ahead of the own heartbeat. */
function ownProgress(world: World, share: ShareConfig): Progress {
  const own = { name: world.config.member, self: true, agoMs: 0, why: '' };
  return readJournal(world, share.name, (journal) => {
    if (journal === null) return { ...own, cursor: 0, appliedTo: 0 };
    return journal.transaction(() => ({ ...own, cursor: Number(journal.meta('cursor') ?? '0'), appliedTo: appliedTo(journal) }));
  });
}

async function everybody(world: World, share: ShareConfig): Promise<{ running: Progress[]; silent: Progress[] }> {
  const { members } = await readMembers(await world.datastore(), share.name);
  const selfId = ownId(world);
  const others = members.filter(({ heartbeat }) => heartbeat.id !== selfId).map(progressOf);
  const running = others.filter((member) => member.agoMs <= aliveMs);
  return { running: [ownProgress(world, share), ...running], silent: others.filter((member) => member.agoMs > aliveMs) };
}

/** By what it said last. */
export function progressOf({ heartbeat, agoMs }: HeardMember): Progress {
  const { name, cursor, appliedTo: applied, halt, holds } = heartbeat;
  const refused = holds.find(({ why }) => why !== '');
  const held = holds.length > 0 ? `holds ${holds.map(({ id }) => id.slice(0, 16)).join(', ')}` : '';
  const why = halt !== null ? `halted: ${halt.text}` : refused !== undefined ? `its check refuses: ${refused.why}` : held;
  return { name, self: false, cursor, appliedTo: Math.min(cursor, applied), agoMs, why };
}

function tell({ share, record, lagging, silent }: Waited, output: Output): void {
  if (lagging.length > 0) {
    const names = lagging.map((member) => `${printable(member.name)} (${where(member)})`);
    output.error(`flocksync: ${share}: record ${record} is not applied by ${names.join(', ')}`);
  }
  const gone = silent
    .filter((member) => member.appliedTo < record)
    .map((member) => `${printable(member.name)} (last heard of ${formatElapsed(member.agoMs)} ago)`);
  if (gone.length > 0) output.error(`flocksync: ${share}: not waited for: ${gone.join(', ')}`);
  if (lagging.length === 0 && output.terminal) output.line(`${share}: record ${record} is applied`);
}

function where({ cursor, appliedTo: applied, why }: Progress): string {
  if (cursor === 0) return 'never synced';
  const position = applied < cursor ? `has read up to ${cursor}, applied up to ${applied}` : `at record ${cursor}`;
  return why === '' ? position : `${position}; ${printable(why)}`;
}

function asDocument({ share, record, lagging, silent }: Waited) {
  const plain = ({ name, self, cursor, appliedTo: applied, agoMs, why }: Progress) => ({
    name,
    self,
    cursor,
    appliedTo: applied,
    seenMsAgo: agoMs,
    why,
  });
  return { name: share, record, applied: lagging.length === 0, lagging: lagging.map(plain), silent: silent.map(plain) };
}
