import type { StatusFileConfig } from '../config-types.ts';
import { formatBytes, formatCount } from './format.ts';
import type { StatusPart } from './status-part.ts';

/** What a status file says of its shares together: a failure of one is a failure. A share that told nothing yet has never been good. */
export function statusText(parts: readonly StatusPart[], { format, goodForMs }: StatusFileConfig, member: string): string {
  const goodAtMs = oldest(parts);
  const failing = parts.filter((part) => part.trouble.length > 0 || part.goodAtMs === null);
  const times = { at: moment(goodAtMs), goodUntil: moment(goodAtMs === null ? null : goodAtMs + goodForMs) };
  if (format === 'json') {
    const status = failing.length === 0 ? 'SUCCESS' : 'FAILURE';
    const writtenAt = moment(Math.max(...parts.map((part) => part.writtenMs)));
    return `${JSON.stringify({ schema: 1, status, ...times, writtenAt, member, shares: parts.map(asDocument) })}\n`;
  }
  const lines = [failing.length === 0 ? success(times) : failure(failing, parts, times.at), ...parts.map(shareLine)];
  return `${lines.join('\n')}\n`;
}

function oldest(parts: readonly StatusPart[]): number | null {
  const times = parts.map((part) => part.goodAtMs);
  return times.includes(null) ? null : Math.min(...times.map(Number));
}

function success({ at, goodUntil }: { at: string | null; goodUntil: string | null }): string {
  return `SUCCESS : flocksync completed successfully at ${at}, good until ${goodUntil}`;
}

/** A checker that looks for the word of success must find it nowhere in a failure, in whatever case. */
function failure(failing: readonly StatusPart[], parts: readonly StatusPart[], goodAt: string | null): string {
  const why = failing.map((part) => `${part.share} ${part.trouble.length === 0 ? 'not yet complete' : part.trouble.join(', ')}`).join('; ');
  const at = moment(Math.max(...parts.map((part) => part.writtenMs)));
  return `FAILURE : ${why} at ${at}; ${goodAt === null ? 'never good so far' : `last good at ${goodAt}`}. See flocksync status on this server`;
}

function shareLine({ share, record, incoming, outgoing, held, problems, progress }: StatusPart): string {
  const waiting = `${formatCount(incoming.changes)} changes (${formatBytes(incoming.bytes)}) and ${formatCount(incoming.deletions)} deletions`;
  const under = progress === null ? '' : `; ${progress.phase}, ${formatCount(progress.filesDone)} of ${formatCount(progress.filesTotal)}`;
  return `${share}: record ${record}; to apply ${waiting}; to publish ${outgoing}; held ${formatCount(held)}; problems ${problems}${under}`;
}

function asDocument(part: StatusPart) {
  const { share, trouble, goodAtMs, record, incoming, outgoing, held, problems, progress } = part;
  return { name: share, trouble, at: moment(goodAtMs), record, incoming, outgoing, held, problems, progress };
}

function moment(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
