import { timeLeftMs } from '../model/replay.ts';
import { counted, formatBytes, formatCount, formatElapsed } from './format.ts';
import type { LocalStatus } from './status-local.ts';
import type { ShareStatus } from './status-look.ts';

/** Why the share is not ready here, as a clause; null when it is. */
export function unreadiness({ local, head, fault }: ShareStatus): string | null {
  if (local === null) return 'it was never synced here';
  if (local.halt !== null) return `it is halted: ${local.halt.text}`;
  if (fault !== null) return `the bucket gives no answer (${fault.code}): ${fault.message}`;
  const replay = local.replay === null ? '' : `; ${replayText(local.replay)}`;
  if (!local.joined) return `it is still joining${replay}`;
  if (head !== null && head < local.cursor) return `the bucket ends at record ${head}, this member is at ${local.cursor}`;
  if (head !== null && head > local.cursor) return `it is ${counted(head - local.cursor, 'record')} behind${replay}`;
  return local.missing > 0 ? `${counted(local.missing, 'change')} not on this disk yet${replay}` : null;
}

/** How far a running replay is, and how long it will still take. */
export function replayText(replay: NonNullable<LocalStatus['replay']>): string {
  const { phase, filesDone, filesTotal, bytesDone, bytesTotal } = replay;
  const unit = phase === 'reading the log' ? 'records' : 'files';
  const left = timeLeftMs(replay);
  return [
    `${phase}, ${formatCount(filesDone)}${filesTotal > 0 ? ` of ${formatCount(filesTotal)}` : ''} ${unit}`,
    ...(bytesTotal > 0 ? [`${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`] : []),
    ...(left === null ? [] : [`about ${formatElapsed(Math.round(left / 1000) * 1000)} left`]),
  ].join(', ');
}
