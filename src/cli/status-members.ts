import { aliveMs, goneMs, type HeardMember } from '../agent/members.ts';
import { counted, formatBytes, formatCount, formatElapsed, formatTable, printable } from './format.ts';
import { labelColumns, labelled, lagText } from './status-lines.ts';
import type { ShareStatus } from './status-look.ts';

/** A federation of hundreds must not scroll away what matters here. */
const explainedMax = 20;

/** All members as a table, and below it what there is to say of the others. */
export function memberLines(status: ShareStatus): string[] {
  const { members, selfId, lags } = status;
  if (members.length === 0) return [];
  const rows = members.map(({ heartbeat, agoMs }) => [
    `${short(printable(heartbeat.name))}${heartbeat.id === selfId ? ' *' : ''}${stateOf(heartbeat.state)}`,
    formatCount(Math.min(heartbeat.cursor, heartbeat.appliedTo)),
    formatCount(lags.get(heartbeat.id)?.records ?? 0).replace(/^0$/, '-'),
    `${formatElapsed(agoMs)} ago${agoMs >= goneMs ? ', gone' : agoMs > aliveMs ? ' !' : ''}`,
    heartbeat.problems > 0 ? formatCount(heartbeat.problems) : '-',
    heartbeat.holds.map((hold) => printable(hold.id).slice(0, 16)).join(' ') || '-',
  ]);
  const table = formatTable([['NAME', 'RECORD', 'BEHIND', 'SEEN', 'PROBLEMS', 'HOLDS'], ...rows], [1, 2, 4]);
  const lines = table.map((line, index) => `  ${(index === 0 ? 'members' : '').padEnd(labelColumns - 2)}${line}`);
  const others = members.filter(({ heartbeat, agoMs }) => heartbeat.id !== selfId && agoMs < goneMs);
  const explained = others.map((member) => explain(member, status)).filter((each) => each.length > 0);
  const more = explained.length - explainedMax;
  const rest = more > 0 ? labelled('', `… and something of ${counted(more, 'more member')}: flocksync status --json`) : [];
  return [...lines, ...explained.slice(0, explainedMax).flat(), ...rest];
}

function stateOf(state: string): string {
  return state === 'idle' ? '' : ` (${state})`;
}

function explain({ heartbeat, agoMs }: HeardMember, { lags, members, selfId, nowMs }: ShareStatus): string[] {
  const name = printable(short(heartbeat.name));
  const lag = lags.get(heartbeat.id);
  const own = members.find((member) => member.heartbeat.id === selfId)?.heartbeat.version ?? heartbeat.version;
  const { progress, halt, holds, troubles, problems, version } = heartbeat;
  return [
    ...(lag !== undefined && lag.records > 0 ? labelled('behind', `${name}: ${lagText(lag, nowMs)}`) : []),
    ...(progress !== null && agoMs <= aliveMs ? labelled('under way', `${name}: ${progressText(progress)}`) : []),
    ...(halt === null ? [] : labelled('halted', `${name}: ${printable(halt.text)}`)),
    ...holds
      .filter(({ why }) => why !== '')
      .flatMap(({ paths, why }) => labelled('refused', `by the check of ${name}, ${counted(paths, 'change')}: ${printable(why)}`)),
    ...troubles
      .filter(({ code }) => code !== 'check-refused')
      .flatMap(({ path, text }) => labelled('problem', `${name}: ${path === '' ? '' : `${printable(path)}: `}${printable(text)}`)),
    ...(problems > troubles.length && troubles.length > 0
      ? labelled('', `${name}: … and ${counted(problems - troubles.length, 'more problem')}`)
      : []),
    ...(version === own || version === '' ? [] : labelled('version', `${name}: ${printable(version)}; here ${own}`)),
  ];
}

/** How far something is that is told of by another member. */
function progressText({ phase, filesDone, filesTotal, bytesDone, bytesTotal, leftMs }: NonNullable<HeardMember['heartbeat']['progress']>) {
  return [
    printable(phase),
    ...(filesTotal > 0 ? [`${formatCount(filesDone)} of ${formatCount(filesTotal)}`] : []),
    ...(bytesTotal > 0 ? [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`] : []),
    ...(leftMs === null ? [] : [`about ${formatElapsed(Math.round(leftMs / 1000) * 1000)} left`]),
  ].join(', ');
}

function short(name: string): string {
  return name.length > 24 ? `${name.slice(0, 23)}…` : name;
}
