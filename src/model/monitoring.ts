import { formatDuration } from './duration.ts';

/** The states of monitoring plugins, each with its exit code. */
export type MonitorState = 'OK' | 'WARNING' | 'CRITICAL' | 'UNKNOWN';
export const monitorCode: Readonly<Record<MonitorState, 0 | 1 | 2 | 3>> = { OK: 0, WARNING: 1, CRITICAL: 2, UNKNOWN: 3 };

/** Ages and lags from which on a state holds, ms. */
export interface Thresholds {
  readonly warningMs: number;
  readonly criticalMs: number;
}

/** What is known of one share on one member. Times are ages, ms. */
export interface Monitored {
  readonly share: string;
  readonly synced: boolean;
  readonly joined: boolean;
  readonly halt: string | null;
  /** One text each. */
  readonly holds: readonly string[];
  readonly problems: readonly string[];
  readonly lag: { readonly records: number; readonly bytes: number | null; readonly ms: number } | null;
  /** Since this member last came to the end of a cycle, or told the others that it lives. */
  readonly signMs: number;
  /** Why the bucket gave no answer; null where it did. */
  readonly fault: string | null;
  readonly alive: number;
  readonly silent: number;
  /** What is to be said of other members; empty where nobody asked for them. */
  readonly others: readonly Finding[];
}

export interface Finding {
  readonly state: MonitorState;
  readonly text: string;
}

const order: readonly MonitorState[] = ['OK', 'UNKNOWN', 'WARNING', 'CRITICAL'];
const charactersMax = 1000;

export function worstState(states: Iterable<MonitorState>): MonitorState {
  let worst: MonitorState = 'OK';
  for (const state of states) if (order.indexOf(state) > order.indexOf(worst)) worst = state;
  return worst;
}

/** OK is no finding. */
export function findings(one: Monitored, thresholds: Thresholds): Finding[] {
  if (!one.synced) return [{ state: 'CRITICAL', text: 'never synced here' }, ...unanswered(one)];
  return [
    ...(one.halt === null ? [] : [{ state: 'CRITICAL' as const, text: `halted: ${one.halt}` }]),
    ...since(one.signMs, thresholds, (age) => `no cycle for ${age}`),
    ...(one.lag === null || one.lag.records === 0
      ? []
      : since(one.lag.ms, thresholds, (age) => `${records(one.lag?.records ?? 0)} behind for ${age}`)),
    ...(one.joined ? [] : [{ state: 'WARNING' as const, text: 'still joining' }]),
    ...one.holds.map((text) => ({ state: 'WARNING' as const, text })),
    ...one.problems.map((text) => ({ state: 'WARNING' as const, text })),
    ...unanswered(one),
    ...one.others,
  ];
}

/** Nothing, WARNING or CRITICAL by an age. */
export function since(ms: number, { warningMs, criticalMs }: Thresholds, tell: (age: string) => string): Finding[] {
  const state = ms >= criticalMs ? 'CRITICAL' : ms >= warningMs ? 'WARNING' : null;
  return state === null ? [] : [{ state, text: tell(rounded(ms)) }];
}

function unanswered({ fault }: Monitored): Finding[] {
  return fault === null ? [] : [{ state: 'UNKNOWN', text: `the bucket gives no answer: ${fault}` }];
}

function records(count: number): string {
  return `${count} record${count === 1 ? '' : 's'}`;
}

function rounded(ms: number): string {
  const unit = ms >= 172_800_000 ? 86_400_000 : ms >= 7_200_000 ? 3_600_000 : ms >= 120_000 ? 60_000 : 1000;
  return formatDuration(Math.floor(ms / unit) * unit);
}

/** One line: state, what is wrong and how badly, and after the bar the figures. */
export function monitorLine(all: readonly Monitored[], found: readonly Finding[], thresholds: Thresholds): string {
  const state = worstState(found.map((each) => each.state));
  const worstFirst = [...found].sort((a, b) => order.indexOf(b.state) - order.indexOf(a.state));
  const text = worstFirst.length === 0 ? wellText(all) : worstFirst.map((each) => each.text).join('; ');
  const figures = all.flatMap((one) => figuresOf(one, all.length > 1 ? `${one.share}_` : '', thresholds));
  const shown = [...text.replace(/\s+/g, ' ').replaceAll('|', '/')].slice(0, charactersMax).join('');
  return `FLOCKSYNC ${state} - ${shown}${figures.length === 0 ? '' : ` | ${figures.join(' ')}`}`;
}

function wellText(all: readonly Monitored[]): string {
  const behind = all.filter(({ lag }) => (lag?.records ?? 0) > 0);
  if (behind.length > 0) return behind.map(({ share, lag }) => `${share}: ${records(lag?.records ?? 0)} on the way`).join('; ');
  return all.length === 1 ? `${all[0]?.share} is up to date` : `${all.length} shares are up to date`;
}

function figuresOf(one: Monitored, prefix: string, { warningMs, criticalMs }: Thresholds): string[] {
  const limits = `${warningMs / 1000};${criticalMs / 1000};0`;
  const seconds = (ms: number) => Math.round(ms / 1000);
  const { lag } = one;
  const figures: [string, string][] = [
    ['lag_records', `${lag?.records ?? 'U'};;;0`],
    ['lag_bytes', lag === null || lag.bytes === null ? 'U;;;0' : `${lag.bytes}B;;;0`],
    ['lag_seconds', lag === null ? `U;${limits}` : `${seconds(lag.ms)}s;${limits}`],
    ['cycle_age_seconds', one.synced ? `${seconds(one.signMs)}s;${limits}` : `U;${limits}`],
    ['problems', `${one.problems.length};;;0`],
    ['holds', `${one.holds.length};;;0`],
    ['members_alive', `${one.alive};;;0`],
    ['members_silent', `${one.silent};;;0`],
  ];
  return figures.map(([name, value]) => `${prefix === '' ? name : `'${prefix}${name}'`}=${value}`);
}
