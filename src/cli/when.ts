import type { When } from '../agent/earlier.ts';
import { parseDuration } from '../model/duration.ts';

const pattern = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d:?\d\d)?)?$/;

/**
 * `2026-11-20`, `2026-11-20T08:19:05Z` (a blank instead of the T as in `log`, an offset instead of the Z, or neither: this machine's time
 * zone), or an age such as `2h`. Undefined for anything else, also for a day or an hour that no calendar has.
 */
export function parseWhen(text: string): When | undefined {
  const agoMs = parseDuration(text);
  if (agoMs !== undefined) return { agoMs };
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0));
  // Stores tell time to the second: a second that is named is meant to its end.
  const ms = match[7] === undefined ? 999 : Number(match[7].padEnd(3, '0').slice(0, 3));
  const fields = [year, month - 1, day, hour, minute, second, ms] as const;
  const utc = Date.UTC(...fields);
  if (Number.isNaN(utc) || !isOfCalendar(new Date(utc), month, day, hour, minute, second)) return undefined;
  if (match[8] === undefined) return { atMs: new Date(...fields).getTime() };
  const offsetMs = offsetOf(match[8]);
  return offsetMs === undefined ? undefined : { atMs: utc - offsetMs };
}

/** February 30 would become March 2. */
function isOfCalendar(utc: Date, ...fields: readonly number[]): boolean {
  const read = [utc.getUTCMonth() + 1, utc.getUTCDate(), utc.getUTCHours(), utc.getUTCMinutes(), utc.getUTCSeconds()];
  return read.every((value, index) => value === fields[index]);
}

function offsetOf(zone: string): number | undefined {
  if (zone === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  if (hours > 14 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
