import type { CountingDatastore } from '../../adapters/counting.ts';
import type { Family, Sample } from '../../adapters/metrics.ts';
import { lagOf } from '../../agent/lag.ts';
import type { World } from '../../compose.ts';
import { fromText, toText } from '../../model/path.ts';
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

/** Names follow the conventions of Prometheus: base units, `_total` for what only grows. */
export function families(shares: readonly ShareFigures[], process: ProcessFigures): Family[] {
  return [...processFamilies(process), ...shareFamilies(shares), ...journalFamilies(shares)].filter(({ samples }) => samples.length > 0);
}

function processFamilies({ version, federation, member, requests, traffic }: ProcessFigures): Family[] {
  const of = Object.entries(traffic ?? {});
  const each = (pick: (count: (typeof of)[number][1]) => number): Sample[] =>
    of.map(([operation, count]) => ({ labels: { operation }, value: pick(count) }));
  return [
    gauge('flocksync_build_info', 'What runs here; the value is 1.', [
      { labels: { version, federation, member: toText(fromText(member)) }, value: 1 },
    ]),
    counter('flocksync_s3_requests_total', 'HTTP requests to the bucket, parts of large uploads included.', [
      { labels: {}, value: requests },
    ]),
    counter(
      'flocksync_store_calls_total',
      'Calls of the bucket by what they were for, each attempt.',
      each(({ calls }) => calls),
    ),
    counter(
      'flocksync_store_faults_total',
      'Calls of the bucket that failed.',
      each(({ faults }) => faults),
    ),
    counter(
      'flocksync_store_sent_bytes_total',
      'Bytes sent to the bucket, without headers.',
      each(({ sentBytes }) => sentBytes),
    ),
    counter(
      'flocksync_store_received_bytes_total',
      'Bytes received from the bucket, without headers.',
      each(({ receivedBytes }) => receivedBytes),
    ),
  ];
}

/** From what the daemon counts and remembers. */
function shareFamilies(shares: readonly ShareFigures[]): Family[] {
  const each = (pick: (one: ShareFigures) => number | null) => samplesOf(shares, pick);
  const total = (key: keyof ShareFigures['vitals']['totals']) => each(({ vitals }) => vitals.totals[key]);
  const cycles = (['well', 'troubled', 'failed'] as const).flatMap((result) =>
    shares.map(({ share, vitals }) => ({ labels: { share, result }, value: vitals.cycles[result] })),
  );
  return [
    gauge(
      'flocksync_share_ready',
      '1 while the share is ready to be served here.',
      each(({ isReady }) => Number(isReady)),
    ),
    gauge(
      'flocksync_share_head_record',
      'Newest record of the log that this member has seen.',
      each(({ head }) => head),
    ),
    gauge(
      'flocksync_share_lag_records',
      'Records that are not applied here.',
      each(({ lag }) => lag.records),
    ),
    gauge(
      'flocksync_share_lag_bytes',
      'Content that those records put; left out where it is not known.',
      each(({ lag }) => lag.bytes),
    ),
    gauge(
      'flocksync_share_lag_seconds',
      'How long the oldest of them has been in the bucket; 0 without a lag.',
      each(({ lag }) => lag.ms / 1000),
    ),
    gauge(
      'flocksync_share_log_seen_timestamp_seconds',
      'When the log was last seen to end where this member is, by the clock of the bucket.',
      each(({ logSeenMs }) => (logSeenMs > 0 ? logSeenMs / 1000 : null)),
    ),
    counter('flocksync_share_cycles_total', 'Cycles of the daemon; troubled ones found a problem, failed ones could not go on.', cycles),
    counter('flocksync_share_published_paths_total', 'Changes that were published from here.', total('published')),
    counter('flocksync_share_published_deletions_total', 'Deletions that were published from here.', total('deleted')),
    counter('flocksync_share_applied_paths_total', 'Changes of others that were applied here.', total('applied')),
    counter('flocksync_share_applied_deletions_total', 'Deletions of others that were applied here.', total('removed')),
    counter('flocksync_share_records_total', 'Records that were appended from here.', total('records')),
    counter('flocksync_share_resolved_conflicts_total', 'Conflicts that were resolved here.', total('conflicts')),
    counter('flocksync_share_sent_bytes_total', 'Content sent to the bucket, before compression.', total('bytesUp')),
    counter('flocksync_share_received_bytes_total', 'Content fetched from the bucket, before compression.', total('bytesDown')),
    gauge(
      'flocksync_share_watched_directories',
      'Directories that are watched; left out for heavyweight shares.',
      each(({ watched }) => watched),
    ),
  ];
}

/** From the journal; a share that was never synced here has none. */
function journalFamilies(all: readonly ShareFigures[]): Family[] {
  const each = (pick: (local: LocalStatus) => number | null) => samplesOf(all, ({ local }) => (local === null ? null : pick(local)));
  const open = (local: LocalStatus) => local.holds.filter(({ state }) => state === 'open');
  return [
    gauge(
      'flocksync_share_cursor_record',
      'Last record that was read here.',
      each(({ cursor }) => cursor),
    ),
    gauge(
      'flocksync_share_applied_record',
      'Record up to which this disk holds everything.',
      each(({ appliedTo }) => appliedTo),
    ),
    gauge(
      'flocksync_share_joined',
      '1 once the first replay is complete.',
      each(({ joined }) => Number(joined)),
    ),
    gauge(
      'flocksync_share_halted',
      '1 while the share stands still until a person decides.',
      each(({ halt }) => Number(halt !== null)),
    ),
    gauge(
      'flocksync_share_files',
      'Files of the share.',
      each(({ counts }) => counts.files),
    ),
    gauge(
      'flocksync_share_directories',
      'Directories of the share.',
      each(({ counts }) => counts.directories),
    ),
    gauge(
      'flocksync_share_links',
      'Symbolic links of the share.',
      each(({ counts }) => counts.links),
    ),
    gauge(
      'flocksync_share_size_bytes',
      'Size of all files of the share.',
      each(({ counts }) => counts.bytes),
    ),
    gauge(
      'flocksync_share_incoming_paths',
      'Changes of the log that are not on this disk yet.',
      each(({ incoming }) => incoming.changes),
    ),
    gauge(
      'flocksync_share_incoming_deletions',
      'Deletions of the log that are not on this disk yet.',
      each(({ incoming }) => incoming.deletions),
    ),
    gauge(
      'flocksync_share_incoming_bytes',
      'Size of the files that are not on this disk yet.',
      each(({ incoming }) => incoming.bytes),
    ),
    gauge(
      'flocksync_share_owed_versions',
      'Replaced versions that so far only the trash of this server holds.',
      each(({ outgoing }) => outgoing.owed),
    ),
    gauge(
      'flocksync_share_requested_contents',
      'Contents that no member has sent again yet.',
      each(({ requests }) => requests),
    ),
    gauge(
      'flocksync_share_holds',
      'Decisions that wait for a person.',
      each((local) => open(local).length),
    ),
    gauge(
      'flocksync_share_held_paths',
      'Paths that they are about.',
      each((local) => open(local).reduce((sum, { paths }) => sum + paths, 0)),
    ),
    gauge(
      'flocksync_share_problems',
      'Standing problems by code; 0 under the code `none` where there are none.',
      all.flatMap(problemSamples),
    ),
    gauge(
      'flocksync_share_conflicts',
      'Resolved conflicts in the history that is kept, up to 10,000.',
      each(({ conflicts }) => conflicts),
    ),
    gauge(
      'flocksync_share_deviations',
      'Paths that differ from the log on purpose.',
      each(({ deviations }) => deviations.count),
    ),
    gauge(
      'flocksync_share_last_cycle_timestamp_seconds',
      'End of the last cycle, by the clock of the bucket; an idle one counts every ten seconds.',
      each(({ lastCycle }) => (lastCycle === null ? null : lastCycle.atMs / 1000)),
    ),
    counter(
      'flocksync_share_sweep_found_paths_total',
      'Changes that no file event had told of, since the journal began.',
      each(({ missed }) => missed?.paths ?? 0),
    ),
    counter(
      'flocksync_share_sweeps_with_finds_total',
      'Sweeps that found any of them.',
      each(({ missed }) => missed?.sweeps ?? 0),
    ),
  ];
}

function problemSamples({ share, local }: ShareFigures): Sample[] {
  if (local === null) return [];
  const counts = new Map<string, number>();
  for (const { code } of local.problems) counts.set(code, (counts.get(code) ?? 0) + 1);
  if (counts.size === 0) counts.set('none', 0);
  return [...counts].map(([code, value]) => ({ labels: { share, code }, value }));
}

function samplesOf(shares: readonly ShareFigures[], pick: (one: ShareFigures) => number | null): Sample[] {
  return shares.flatMap((one) => {
    const value = pick(one);
    return value === null ? [] : [{ labels: { share: one.share }, value }];
  });
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { kind: 'gauge', name, help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { kind: 'counter', name, help, samples };
}
