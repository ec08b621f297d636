import { aliveMs, goneMs, type HeardMember } from '../agent/members.ts';
import type { World } from '../compose.ts';
import {
  type Finding,
  findings,
  type Monitored,
  monitorCode,
  monitorLine,
  since,
  type Thresholds,
  worstState,
} from '../model/monitoring.ts';
import { toText } from '../model/path.ts';
import { lastWords } from '../model/said.ts';
import { JournalFault } from '../ports/journal.ts';
import type { StatusCommand } from './command.ts';
import type { ExitCode } from './exit.ts';
import { formatElapsed } from './format.ts';
import type { Output } from './output.ts';
import { chooseShares } from './shares.ts';
import { lookAt, type ShareStatus } from './status-look.ts';

/** `status --check`: one line and an exit code as monitoring plugins have them. Whatever hinders the look is UNKNOWN. */
export async function statusCheck(
  world: World,
  command: StatusCommand & { readonly check: Thresholds },
  output: Output,
): Promise<ExitCode> {
  const said: string[] = [];
  const chosen = await chooseShares(world, command.shares, { ...output, error: (line) => void said.push(line) });
  if (chosen === null) return unknown(said.join('; '), output);
  const found: Finding[] = chosen.code === 0 ? [] : [{ state: 'WARNING', text: said.join('; ') }];
  const all: Monitored[] = [];
  for (const share of chosen.shares) {
    try {
      const one = monitored(await lookAt(world, share), command);
      all.push(one);
      found.push(...findings(one, command.check).map(({ state, text }) => ({ state, text: `${share.name}: ${text}` })));
    } catch (error) {
      if (!(error instanceof JournalFault)) throw error;
      found.push({ state: 'CRITICAL', text: `${share.name}: the journal cannot be read: ${error.message}` });
    }
  }
  output.line(monitorLine(all, found, command.check));
  return monitorCode[worstState(found.map(({ state }) => state))];
}

/** A look that could not even begin. */
export function unknown(text: string, output: Pick<Output, 'line'>): ExitCode {
  output.line(monitorLine([], [{ state: 'UNKNOWN', text: lastWords(text) }], { warningMs: 0, criticalMs: 0 }));
  return monitorCode.UNKNOWN;
}

function monitored(status: ShareStatus, command: StatusCommand & { readonly check: Thresholds }): Monitored {
  const { share, local, lags, selfId, members, nowMs, fault } = status;
  const lag = lags.get(selfId);
  const others = members.filter(({ heartbeat, agoMs }) => heartbeat.id !== selfId && agoMs < goneMs);
  return {
    ...{ share: share.name, synced: local !== null, joined: local?.joined ?? false },
    halt: local?.halt?.text ?? null,
    holds: (local?.holds ?? [])
      .filter(({ state }) => state === 'open')
      .map(({ id, kind, detail }) => holdText(id, kind === 'check' ? detail : '')),
    problems: (local?.problems ?? []).map(({ path, text }) => `${path === null ? '' : `${toText(path) || '.'}: `}${text}`),
    lag: lag === undefined ? null : { records: lag.records, bytes: lag.bytes, ms: age(lag.sinceMs, nowMs) },
    signMs: age(Math.max(local?.lastCycle?.atMs ?? 0, local?.heardAtMs ?? 0), nowMs),
    fault: fault === null ? null : `${fault.code}: ${fault.message}`,
    alive: others.filter(({ agoMs }) => agoMs <= aliveMs).length,
    silent: others.filter(({ agoMs }) => agoMs > aliveMs).length,
    others: command.all ? others.flatMap((member) => ofMember(member, status, command.check)) : [],
  };
}

function age(atMs: number | null, nowMs: number): number {
  return atMs === null ? 0 : Math.max(0, nowMs - atMs);
}

function holdText(id: string, why: string): string {
  return why === '' ? `hold ${id}: more deletions than maxDelete allows` : `hold ${id}: the check refuses: ${why}`;
}

/** What monitoring of this member says of another one, when it is asked to. */
function ofMember({ heartbeat, agoMs }: HeardMember, { lags, nowMs }: ShareStatus, thresholds: Thresholds): Finding[] {
  const { id, halt, holds, problems, troubles } = heartbeat;
  // Holds speak for themselves.
  const told = troubles.filter(({ code }) => code !== 'held' && code !== 'check-refused');
  const name = lastWords(heartbeat.name, 24);
  const warning = (text: string): Finding => ({ state: 'WARNING', text: `${name}: ${text}` });
  const lag = lags.get(id);
  return [
    ...(agoMs > aliveMs ? [warning(`silent for ${formatElapsed(agoMs)}`)] : []),
    ...(halt === null ? [] : [warning(`halted: ${halt.text}`)]),
    ...(lag === undefined || lag.records === 0
      ? []
      : since(age(lag.sinceMs, nowMs), thresholds, (long) => `${name}: ${lag.records} records behind for ${long}`)),
    ...holds.map((hold) => warning(holdText(lastWords(hold.id, 16), hold.why))),
    ...told.map(({ path, text }) => warning(`${path === '' ? '' : `${path}: `}${text}`)),
    ...(problems > troubles.length ? [warning(`${problems - troubles.length} more problems`)] : []),
  ];
}
