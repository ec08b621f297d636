import { toText } from '../model/path.ts';
import { type PresetName, presetPatterns } from '../model/presets.ts';
import { counted, formatBytes, formatCount, formatElapsed, formatMoment } from './format.ts';
import type { Prospects } from './listen.ts';
import { labelColumns, labelled, lagText } from './status-lines.ts';
import type { HeldStatus, LocalStatus } from './status-local.ts';
import type { ShareStatus } from './status-look.ts';
import { memberLines } from './status-members.ts';
import { replayText } from './status-ready.ts';

const pathsShown = 5;

/** What a person reads of one share, at most 80 columns wide except for paths, names and commands. */
export function statusScreen(status: ShareStatus): string[] {
  const { share, local, fault } = status;
  const lines = [`${share.name}  ${share.path}${share.role === 'both' ? '' : `  (${share.role})`}`, ...processLines(status)];
  if (local === null)
    lines.push(
      ...labelled('record', `never synced here${status.head === null ? '' : `; the share has ${counted(status.head, 'record')}`}`),
    );
  else lines.push(...labelled('record', position(status, local)), ...localLines(status, local));
  if (fault !== null) lines.push(...labelled('bucket', `no answer (${fault.code}): ${fault.message}. ${fault.fix}`));
  return [...lines, ...memberLines(status)];
}

/** What is being done now. That nobody is at it is no news where cron is. */
function processLines({ process }: ShareStatus): string[] {
  if (process === null) return [];
  const { greeting, status } = process;
  const who = `flocksync ${greeting.holder}, process ${greeting.pid}`;
  if (status === null) return labelled('now', `busy (${who})`);
  const { doing, prospects } = status;
  if (doing === null) return labelled('now', `${[`waiting (${who})`, ...nextText(prospects)].join('; ')}`);
  return labelled('now', `${replayText(doing)}, for ${formatElapsed(Math.max(0, doing.atMs - doing.since.atMs))} (${who})`);
}

function nextText(prospects: Prospects | null): string[] {
  if (prospects === null) return [];
  const { nextLookMs, nextPollMs, nextCycleMs, watched } = prospects;
  const looks = nextLookMs ?? nextCycleMs;
  return [
    ...(watched === null ? [] : [`${counted(watched, 'directory', 'directories')} watched`]),
    ...(looks === null ? [] : [`next look in ${formatElapsed(looks)}`]),
    ...(nextPollMs === null ? [] : [`next poll in ${formatElapsed(nextPollMs)}`]),
  ];
}

function localLines(status: ShareStatus, local: LocalStatus): string[] {
  const { share } = status;
  const { counts, halt } = local;
  const files = counted(counts.files, 'file');
  const others = [counted(counts.directories, 'directory', 'directories'), ...(counts.links > 0 ? [counted(counts.links, 'link')] : [])];
  return [
    ...labelled('content', [files, ...others, formatBytes(counts.bytes)].join(', ')),
    ...(share.preset === null ? [] : labelled('left out', leftOutText(share, share.preset))),
    ...labelled('digest', local.digest?.slice(0, 16) ?? 'none yet'),
    ...(local.lastCycle === null ? [] : labelled('last cycle', seen(local.lastCycle.atMs, status.nowMs))),
    ...(halt === null ? [] : labelled('halted', `${halt.text}. ${halt.fix}`)),
    ...(local.replay === null || status.process?.status?.doing ? [] : labelled('replaying', replayText(local.replay))),
    ...waitingLines(local),
    ...local.holds.flatMap((hold) => holdLines(hold, share.name)),
    ...local.problems.flatMap(({ path, text, fix }) =>
      labelled('problem', `${path === null ? '' : `${toText(path) || '.'}: `}${text}. ${fix}`),
    ),
    ...(local.conflicts > 0 ? labelled('conflicts', `${formatCount(local.conflicts)} resolved: flocksync conflicts ${share.name}`) : []),
    ...deviationLines(local),
    ...missedLines(local, status.nowMs),
    ...retentionLines(status, local),
  ];
}

/** The patterns themselves would fill the screen. */
function leftOutText({ exclude }: ShareStatus['share'], preset: PresetName): string {
  const own = exclude.length - presetPatterns(preset).length;
  return `by preset ${preset}${own > 0 ? ` and ${counted(own, 'pattern')} of exclude` : ''}: flocksync help presets`;
}

function position({ head, lags, selfId, nowMs }: ShareStatus, { cursor, appliedTo, joined }: LocalStatus): string {
  const state = joined ? '' : ', still joining';
  const lag = lags.get(selfId);
  if (head === null) return `${cursor}${state}`;
  if (head < cursor) return `${cursor}, but the bucket ends at ${head}: run flocksync sync${state}`;
  if (lag === undefined || lag.records === 0) return `${cursor}, up to date${state}`;
  const read = appliedTo === cursor ? '' : `, applied up to ${appliedTo}`;
  return `${cursor}${head === cursor ? '' : ` of ${head}`}${read}: ${lagText(lag, nowMs)}${state}`;
}

function waitingLines({ incoming, outgoing, requests }: LocalStatus): string[] {
  const parts = [
    ...(incoming.changes > 0 ? [`${counted(incoming.changes, 'change')} (${formatBytes(incoming.bytes)})`] : []),
    ...(incoming.deletions > 0 ? [counted(incoming.deletions, 'deletion')] : []),
  ];
  return [
    ...(parts.length > 0 ? labelled('incoming', `${parts.join(' and ')} not on this disk yet`) : []),
    ...(outgoing.records > 0 ? labelled('outgoing', 'one record waits for an answer of the bucket') : []),
    ...(outgoing.owed > 0 ? labelled('outgoing', `${counted(outgoing.owed, 'replaced file')} in the trash waits to be published`) : []),
    ...(requests > 0 ? labelled('requested', `${counted(requests, 'content')} that no member has sent again yet`) : []),
  ];
}

function holdLines(hold: HeldStatus, share: string): string[] {
  const { id, kind, state, paths, first, sinceMs, detail } = hold;
  const whose = kind === 'publisher' ? 'made here' : 'of others';
  const decided = state === 'open' ? '' : `, ${state}: the next sync acts on it`;
  const more = paths > first.length ? [`  … and ${formatCount(paths - first.length)} more`] : [];
  const isCheck = kind === 'check';
  const ways = [`  flocksync approve ${id} --share ${share}`, ...(isCheck ? [] : [`  flocksync reject ${id} --share ${share}`])];
  const what = counted(paths, isCheck ? 'change' : 'deletion');
  return [
    ...labelled('held', `${id}: ${what} ${whose}, since ${formatMoment(sinceMs)}${decided}`),
    ...(isCheck ? labelled('', `the check refuses the share as it would be: ${detail}`) : []),
    ...indented([...first.map((path) => `  ${toText(path)}`), ...more, ...(state === 'open' ? ways : [])]),
  ];
}

/** Where no watcher is wanted, or never missed anything, there is nothing to say. */
function missedLines({ missed }: LocalStatus, nowMs: number): string[] {
  if (missed === null) return [];
  const what = `${counted(missed.paths, 'change')} in ${counted(missed.sweeps, 'sweep')} that no file event had told of`;
  return labelled('missed', `${what}, the last ${seen(missed.lastMs, nowMs)}: ${missed.first.map(toText).join(', ')}`);
}

function deviationLines({ deviations }: LocalStatus): string[] {
  if (deviations.count === 0) return [];
  const first = deviations.first.slice(0, pathsShown);
  const more = deviations.count > first.length ? [`  … and ${formatCount(deviations.count - first.length)} more`] : [];
  return [
    ...labelled('deviations', counted(deviations.count, 'path')),
    ...indented([...first.map(({ path, why }) => `  ${toText(path)}: ${why}`), ...more]),
  ];
}

function retentionLines({ share }: ShareStatus, { historyMs }: LocalStatus): string[] {
  if (historyMs === null || historyMs === share.historyMs) return [];
  return labelled(
    'history',
    `${formatElapsed(historyMs)}, as set when the share was created; the config says ${formatElapsed(share.historyMs)}`,
  );
}

function seen(atMs: number, nowMs: number): string {
  return `${formatMoment(atMs)}, ${formatElapsed(Math.max(0, nowMs - atMs))} ago`;
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `${' '.repeat(labelColumns)}${line}`);
}
