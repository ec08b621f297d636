import type { CountingDatastore } from '../../adapters/counting.ts';
import { lagOf } from '../../agent/lag.ts';
import type { World } from '../../compose.ts';
import type { Follower } from '../run-share.ts';
import { readJournal } from '../shares.ts';
import type { LocalStatus } from '../status-local.ts';
import type { Vitals } from '../vitals.ts';
import type { Sight } from './looks.ts';

/** What is known of one share without asking the bucket. Times are ms. */
export interface ShareFigures {
  readonly share: string;
  readonly local: LocalStatus | null;
  /** The ready file stands. */
  readonly isReady: boolean;
  readonly vitals: Pick<Vitals, 'cycles' | 'totals'>;
  readonly head: number;
  readonly lag: { readonly records: number; readonly bytes: number | null; readonly ms: number };
  /** When the bucket was last seen to have nothing that is not known here, by its own clock; 0 before that. */
  readonly logSeenMs: number;
  readonly watched: number | null;
}

/** What this process is. */
export interface ProcessFigures {
  readonly version: string;
  readonly federation: string;
  readonly member: string;
  readonly requests: number;
  readonly traffic: ReturnType<CountingDatastore['counts']> | null;
}

/** The head is the newest record that this process has seen, so that no scrape costs a request. */
export function figuresOf(
  world: World,
  { share, status }: Sight,
  follower: Pick<Follower, 'vitals' | 'memory' | 'watched'>,
  isReady: boolean,
): ShareFigures {
  const { vitals, memory, watched } = follower;
  const local = status?.local ?? null;
  const head = Math.max(local?.cursor ?? 0, memory?.polled?.sequence ?? 0, status?.head ?? 0);
  const seen = readJournal(world, share.name, (journal) => lagOf(journal, local?.appliedTo ?? 0, { head, sinceMs: new Map() }));
  const logSeenMs = memory?.endSeenMs ?? 0;
  const nowMs = status?.nowMs ?? 0;
  // What has not been read yet came after the log was last seen to end here.
  const sinceMs = seen.records === 0 ? nowMs : (seen.sinceMs ?? (logSeenMs > 0 ? logSeenMs : nowMs));
  const lag = { records: seen.records, bytes: seen.bytes, ms: Math.max(0, nowMs - sinceMs) };
  return { share: share.name, local, isReady, vitals, head, lag, logSeenMs, watched };
}
