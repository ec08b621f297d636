import { aliveMs, goneMs, type HeardMember } from '../agent/members.ts';
import type { World } from '../compose.ts';
import { bytesPerSecond, timeLeftMs } from '../model/replay.ts';
import type { Process } from './ask.ts';
import type { StatusCommand } from './command.ts';
import { moment, pathFields, printDocument } from './document.ts';
import { type ExitCode, exit, worst } from './exit.ts';
import type { Output } from './output.ts';
import { chooseShares, tellFault } from './shares.ts';
import { statusCheck } from './status-check.ts';
import type { LocalStatus } from './status-local.ts';
import { lookAt, type ShareStatus } from './status-look.ts';
import { unreadiness } from './status-ready.ts';
import { statusScreen } from './status-screen.ts';

/** Journal and bucket of the chosen shares. Answers from the journal alone where the bucket does not. */
export async function status(world: World, command: StatusCommand, output: Output): Promise<ExitCode> {
  const { check } = command;
  if (check !== null) return await statusCheck(world, { ...command, check }, output);
  const chosen = await chooseShares(world, command.shares, output);
  if (chosen === null) return exit.usage;
  const codes: ExitCode[] = [chosen.code];
  const looked = await Promise.all(
    chosen.shares.map(async (share) => {
      try {
        return await lookAt(world, share);
      } catch (error) {
        codes.push(tellFault(error, share.name, output));
        return null;
      }
    }),
  );
  const found = looked.filter((one) => one !== null);
  if (command.ready) codes.push(...found.map((one) => tellReady(one, command, output)));
  if (command.json)
    printDocument(output, { member: world.config.member, federation: world.config.federation, shares: found.map(asDocument) });
  else if (!command.ready)
    for (const line of found.flatMap((one, index) => [...(index > 0 ? [''] : []), ...statusScreen(one)])) output.line(line);
  return command.ready ? worst(codes) : worst([...codes, ...found.map(statusCode)]);
}

/** Whoever waits for the exit code wants no words, except for what is missing. */
function tellReady(status: ShareStatus, command: StatusCommand, output: Output): ExitCode {
  const why = unreadiness(status);
  const { name } = status.share;
  if (why !== null && !command.json) output.error(`flocksync: ${name}: not ready: ${why}`);
  else if (output.terminal && !command.json) output.line(`${name}: ready at record ${status.local?.cursor}`);
  return why === null ? exit.done : exit.problems;
}

/** 3 held or halted, 1 problems, 75 the bucket gave no answer now or at the last sync. */
export function statusCode({ local, fault }: ShareStatus): ExitCode {
  const codes: ExitCode[] = fault === null ? [] : [exit.unreachable];
  if (local === null) return worst(codes);
  if (local.halt !== null || local.holds.some((hold) => hold.state === 'open')) codes.push(exit.held);
  for (const { code } of local.problems) codes.push(code === 'datastore' ? exit.unreachable : exit.problems);
  return worst(codes);
}

/** One share as `status --json` has it. */
export function asDocument(status: ShareStatus) {
  const { share, local, head, fault } = status;
  return {
    ...{ name: share.name, path: share.path, role: share.role, preset: share.preset, exclude: share.exclude, synced: local !== null },
    ...{ cursor: local?.cursor ?? 0, head, behind: head === null ? null : Math.max(0, head - (local?.cursor ?? 0)) },
    ...{ appliedTo: local?.appliedTo ?? 0, lag: lagFields(status, status.selfId) },
    ...{ digest: local?.digest ?? null, joined: local?.joined ?? false },
    ...{ ready: unreadiness(status) === null, unready: unreadiness(status), process: processFields(status.process) },
    ...(local === null ? neverSyncedFields : localFields(local)),
    retention: { historyMs: local?.historyMs ?? null, configuredMs: share.historyMs },
    members: status.members.map((member) => memberFields(member, status)),
    fault: fault === null ? null : { code: fault.code, text: fault.message, fix: fault.fix },
  };
}

/** Null where nobody looks after the share now; `doing` is null between two cycles. */
function processFields(process: Process | null) {
  if (process === null) return null;
  const { greeting, status } = process;
  const doing = status?.doing ?? null;
  return {
    ...{ holder: greeting.holder, pid: greeting.pid, version: greeting.version, busy: status === null || doing !== null },
    doing: doing === null ? null : { ...replayFields(doing), bytesPerSecond: bytesPerSecond(doing) },
    next: status?.prospects ?? null,
  };
}

const neverSyncedFields = {
  ...{ files: 0, directories: 0, links: 0, bytes: 0, incoming: { changes: 0, deletions: 0, bytes: 0 }, outgoing: { records: 0, owed: 0 } },
  ...{
    holds: [],
    halt: null,
    problems: [],
    conflicts: 0,
    deviations: { count: 0, paths: [] },
    lastCycle: null,
    requests: 0,
    replay: null,
    missed: null,
  },
};

function localFields(local: LocalStatus) {
  const { counts, incoming, outgoing, holds, halt, problems, conflicts, deviations, lastCycle, requests, missed } = local;
  return {
    ...{ ...counts, incoming, outgoing, halt, conflicts, requests, lastCycle: moment(lastCycle?.atMs ?? null) },
    replay: local.replay === null ? null : replayFields(local.replay),
    holds: holds.map(({ id, kind, state, paths, first, sinceMs, detail }) => ({
      id,
      kind,
      state,
      paths,
      first: first.map(pathFields),
      sinceAt: moment(sinceMs),
      why: kind === 'check' ? detail : '',
    })),
    problems: problems.map(({ code, path, text, fix, sinceMs }) => ({
      ...{ code, ...(path === null ? { path: null } : pathFields(path)), text, fix, sinceAt: moment(sinceMs) },
    })),
    missed:
      missed === null
        ? null
        : { paths: missed.paths, sweeps: missed.sweeps, lastAt: moment(missed.lastMs), first: missed.first.map(pathFields) },
    deviations: { count: deviations.count, paths: deviations.first.map(({ path, why }) => ({ ...pathFields(path), why })) },
  };
}

function replayFields(replay: NonNullable<LocalStatus['replay']>) {
  const { phase, filesDone, filesTotal, bytesDone, bytesTotal, since } = replay;
  return { phase, filesDone, filesTotal, bytesDone, bytesTotal, leftMs: timeLeftMs(replay), sinceAt: moment(since.atMs) };
}

/** Null where the bucket gave no answer. */
function lagFields({ lags, nowMs }: ShareStatus, id: string) {
  const lag = lags.get(id);
  if (lag === undefined) return null;
  const { records, bytes, sinceMs } = lag;
  return { records, bytes, ms: sinceMs === null ? 0 : Math.max(0, nowMs - sinceMs), sinceAt: moment(sinceMs) };
}

function memberFields({ heartbeat, agoMs }: HeardMember, status: ShareStatus) {
  const { head, selfId, nowMs } = status;
  const { id, name, role, cursor, appliedTo, digest, state, problems, holds, version, troubles, halt, progress } = heartbeat;
  return {
    ...{ id, name, self: id === selfId, role, cursor, appliedTo, behind: head === null ? null : Math.max(0, head - cursor), digest, state },
    ...{ lag: lagFields(status, id), troubles, halt, progress },
    ...{ problems, holds, version, alive: agoMs <= aliveMs, gone: agoMs >= goneMs, seenAt: moment(nowMs - agoMs), seenMsAgo: agoMs },
  };
}
