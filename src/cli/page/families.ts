import type { Family, Sample } from '../../adapters/metrics.ts';
import { fromText, toText } from '../../model/path.ts';
import type { LocalStatus } from '../status-local.ts';
import type { ProcessFigures, ShareFigures } from './figures.ts';

type Kind = Family['kind'];
/** A metric of each share; null leaves a share out. */
type Row<T> = readonly [Kind, string, string, (from: T) => number | null];
type Traffic = NonNullable<ProcessFigures['traffic']>;

/** Names follow the conventions of Prometheus: base units, `_total` for what only grows. A metric without samples is left out. */
export function families(shares: readonly ShareFigures[], process: ProcessFigures): Family[] {
  const ofShares = shareRows.map((row) => familyOf(row, shares, (one) => one));
  const ofJournals = journalRows.map((row) => familyOf(row, shares, ({ local }) => local));
  const all = [...ofProcess(process), ...ofShares, cycles(shares), ...ofJournals, problems(shares)];
  return all.filter(({ samples }) => samples.length > 0);
}

function familyOf<T>([kind, name, help, pick]: Row<T>, shares: readonly ShareFigures[], from: (one: ShareFigures) => T | null): Family {
  const samples = shares.flatMap((one): Sample[] => {
    const source = from(one);
    const value = source === null ? null : pick(source);
    return value === null ? [] : [{ labels: { share: one.share }, value }];
  });
  return { kind, name: `flocksync_share_${name}`, help, samples };
}

function ofProcess({ version, federation, member, requests, traffic }: ProcessFigures): Family[] {
  const about = { version, federation, member: toText(fromText(member)) };
  const operations = Object.entries(traffic ?? {});
  return [
    { kind: 'gauge', name: 'flocksync_build_info', help: 'What runs here; the value is 1.', samples: [{ labels: about, value: 1 }] },
    {
      ...{ kind: 'counter', name: 'flocksync_s3_requests_total', samples: [{ labels: {}, value: requests }] },
      help: 'HTTP requests to the bucket, parts of large uploads included.',
    },
    ...trafficRows.map(
      ([name, help, pick]): Family => ({
        ...{ kind: 'counter', name: `flocksync_store_${name}`, help },
        samples: operations.map(([operation, count]) => ({ labels: { operation }, value: pick(count) })),
      }),
    ),
  ];
}

const trafficRows: readonly (readonly [string, string, (count: Traffic[keyof Traffic]) => number])[] = [
  ['calls_total', 'Calls of the bucket by what they were for, each attempt.', ({ calls }) => calls],
  ['faults_total', 'Calls of the bucket that failed.', ({ faults }) => faults],
  ['sent_bytes_total', 'Bytes sent to the bucket, without headers.', ({ sentBytes }) => sentBytes],
  ['received_bytes_total', 'Bytes received from the bucket, without headers.', ({ receivedBytes }) => receivedBytes],
];

/** From what the daemon counts and remembers. */
const shareRows: readonly Row<ShareFigures>[] = [
  ['gauge', 'ready', '1 while the share is ready to be served here.', ({ isReady }) => Number(isReady)],
  ['gauge', 'head_record', 'Newest record of the log that this member has seen.', ({ head }) => head],
  ['gauge', 'lag_records', 'Records that are not applied here.', ({ lag }) => lag.records],
  ['gauge', 'lag_bytes', 'Content that those records put; left out where it is not known.', ({ lag }) => lag.bytes],
  ['gauge', 'lag_seconds', 'How long the oldest of them has been in the bucket; 0 without a lag.', ({ lag }) => lag.ms / 1000],
  [
    ...([
      'gauge',
      'log_seen_timestamp_seconds',
      'When the log was last seen to end where this member is, by the clock of the bucket.',
    ] as const),
    ({ logSeenMs }) => (logSeenMs > 0 ? logSeenMs / 1000 : null),
  ],
  ['counter', 'published_paths_total', 'Changes that were published from here.', ({ vitals }) => vitals.totals.published],
  ['counter', 'published_deletions_total', 'Deletions that were published from here.', ({ vitals }) => vitals.totals.deleted],
  ['counter', 'applied_paths_total', 'Changes of others that were applied here.', ({ vitals }) => vitals.totals.applied],
  ['counter', 'applied_deletions_total', 'Deletions of others that were applied here.', ({ vitals }) => vitals.totals.removed],
  ['counter', 'records_total', 'Records that were appended from here.', ({ vitals }) => vitals.totals.records],
  ['counter', 'resolved_conflicts_total', 'Conflicts that were resolved here.', ({ vitals }) => vitals.totals.conflicts],
  ['counter', 'sent_bytes_total', 'Content sent to the bucket, before compression.', ({ vitals }) => vitals.totals.bytesUp],
  ['counter', 'received_bytes_total', 'Content fetched from the bucket, before compression.', ({ vitals }) => vitals.totals.bytesDown],
  ['gauge', 'watched_directories', 'Directories that are watched; left out for heavyweight shares.', ({ watched }) => watched],
];

const opened = ({ holds }: LocalStatus) => holds.filter(({ state }) => state === 'open');

/** From the journal; a share that was never synced here has none. */
const journalRows: readonly Row<LocalStatus>[] = [
  ['gauge', 'cursor_record', 'Last record that was read here.', ({ cursor }) => cursor],
  ['gauge', 'applied_record', 'Record up to which this disk holds everything.', ({ appliedTo }) => appliedTo],
  ['gauge', 'joined', '1 once the first replay is complete.', ({ joined }) => Number(joined)],
  ['gauge', 'halted', '1 while the share stands still until its cause is gone, or a person decides.', ({ halt }) => Number(halt !== null)],
  ['gauge', 'files', 'Files of the share.', ({ counts }) => counts.files],
  ['gauge', 'directories', 'Directories of the share.', ({ counts }) => counts.directories],
  ['gauge', 'links', 'Symbolic links of the share.', ({ counts }) => counts.links],
  ['gauge', 'size_bytes', 'Size of all files of the share.', ({ counts }) => counts.bytes],
  ['gauge', 'incoming_paths', 'Changes of the log that are not on this disk yet.', ({ incoming }) => incoming.changes],
  ['gauge', 'incoming_deletions', 'Deletions of the log that are not on this disk yet.', ({ incoming }) => incoming.deletions],
  ['gauge', 'incoming_bytes', 'Size of the files that are not on this disk yet.', ({ incoming }) => incoming.bytes],
  ['gauge', 'owed_versions', 'Replaced versions that so far only the trash of this server holds.', ({ outgoing }) => outgoing.owed],
  ['gauge', 'requested_contents', 'Contents that no member has sent again yet.', ({ requests }) => requests],
  ['gauge', 'holds', 'Decisions that wait for a person.', (local) => opened(local).length],
  ['gauge', 'held_paths', 'Paths that they are about.', (local) => opened(local).reduce((sum, { paths }) => sum + paths, 0)],
  ['gauge', 'conflicts', 'Resolved conflicts in the history that is kept, up to 10,000.', ({ conflicts }) => conflicts],
  ['gauge', 'deviations', 'Paths that differ from the log on purpose.', ({ deviations }) => deviations.count],
  [
    ...(['gauge', 'last_cycle_timestamp_seconds', 'End of the last cycle, by the clock of the bucket.'] as const),
    ({ lastCycle }) => (lastCycle === null ? null : lastCycle.atMs / 1000),
  ],
  [
    ...(['counter', 'sweep_found_paths_total', 'Changes that no file event had told of, since the journal began.'] as const),
    ({ missed }) => missed?.paths ?? 0,
  ],
  ['counter', 'sweeps_with_finds_total', 'Sweeps that found any of them.', ({ missed }) => missed?.sweeps ?? 0],
];

function cycles(shares: readonly ShareFigures[]): Family {
  const samples = shares.flatMap(({ share, vitals }) =>
    (['well', 'troubled', 'failed'] as const).map((result) => ({ labels: { share, result }, value: vitals.cycles[result] })),
  );
  const help = 'Cycles of the daemon; troubled ones found a problem, failed ones could not go on.';
  return { kind: 'counter', name: 'flocksync_share_cycles_total', help, samples };
}

/** A share without problems says so, so that an alert can tell it from one that says nothing. */
function problems(shares: readonly ShareFigures[]): Family {
  const samples = shares.flatMap(({ share, local }): Sample[] => {
    if (local === null) return [];
    const counts = new Map<string, number>();
    for (const { code } of local.problems) counts.set(code, (counts.get(code) ?? 0) + 1);
    if (counts.size === 0) counts.set('none', 0);
    return [...counts].map(([code, value]) => ({ labels: { share, code }, value }));
  });
  const help = 'Standing problems by code; 0 under the code none where there are none.';
  return { kind: 'gauge', name: 'flocksync_share_problems', help, samples };
}
