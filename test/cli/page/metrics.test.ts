import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openMetrics } from '../../../src/adapters/metrics.ts';
import { families } from '../../../src/cli/page/families.ts';
import type { ShareFigures } from '../../../src/cli/page/figures.ts';
import { stuck } from '../../../src/cli/page/health.ts';
import { countsOf } from '../../../src/cli/summary.ts';
import { projectRoot } from '../../source.ts';
import { localWith, nowMs } from './scene.ts';

const none = { calls: 0, faults: 0, sentBytes: 0, receivedBytes: 0 };
const traffic = {
  ...{ get: { ...none, calls: 3, receivedBytes: 9 }, put: none, putIfAbsent: none, putStream: none, list: none, listFolders: none },
  ...{ remove: none, unfinishedUploads: none, abortUpload: none },
};
const process = { version: '1.0', federation: 'shop', member: 'w"eb\n01', requests: 5, traffic };

const lastCycle = { atMs: nowMs, halt: null, deviations: { count: 0, first: [] } };

function figures(changes: Partial<ShareFigures> = {}): ShareFigures {
  const vitals = { cycles: { well: 3, troubled: 1, failed: 0 }, totals: { ...countsOf([]), published: 4 } };
  const lag = { records: 2, bytes: 100, ms: 1500 };
  return {
    share: 'web',
    local: localWith({ cursor: 7, appliedTo: 5, lastCycle }),
    isReady: true,
    vitals,
    head: 7,
    lag,
    logSeenMs: nowMs,
    watched: 12,
    ...changes,
  };
}

const problem = { key: '', path: null, text: '', fix: '', sinceMs: 0, printedMs: 0 };

test('the text is what Prometheus reads: each metric once, with help and type, its samples together', async () => {
  const metrics = openMetrics();
  metrics.observe('web', [20, 90_000]);
  const problems = ['disk-full', 'disk-full', 'busy'].map((code) => ({ ...problem, code }));
  const text = await metrics.text(
    families([figures({ local: localWith({ problems }) }), figures({ share: 'nginx', watched: null })], process),
  );
  const lines = text.split('\n').filter((line) => line !== '');
  for (const line of lines.filter((each) => !each.startsWith('#')))
    expect(line).toMatch(/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="([^"\\\n]|\\.)*",?)*\})? (-?[\d.]+(e[+-]?\d+)?|\+Inf|NaN)$/i);
  const types = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
  expect(new Set(types).size).toBe(types.length);
  expect(lines).toEqual(
    expect.arrayContaining([
      'flocksync_build_info{version="1.0",federation="shop",member="w\\"eb\\\\n01"} 1',
      'flocksync_store_calls_total{operation="get"} 3',
      'flocksync_share_lag_seconds{share="nginx"} 1.5',
      'flocksync_share_problems{share="web",code="disk-full"} 2',
      'flocksync_share_problems{share="nginx",code="none"} 0',
      'flocksync_share_cycles_total{share="web",result="troubled"} 1',
      'flocksync_share_watched_directories{share="web"} 12',
      'flocksync_share_cycle_duration_seconds_bucket{le="0.05",share="web"} 1',
      'flocksync_share_cycle_duration_seconds_count{share="web"} 2',
    ]),
  );
  expect(text).not.toContain('flocksync_share_watched_directories{share="nginx"}');
  for (const name of ['process_resident_memory_bytes', 'process_cpu_seconds_total', 'process_open_fds'])
    expect(Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1]), name).toBeGreaterThan(0);
});

test('a share that is followed no more leaves no durations behind', async () => {
  const metrics = openMetrics();
  metrics.observe('gone', [1]);
  metrics.observe('web', [1]);
  metrics.keepOnly(new Set(['web']));
  const text = await metrics.text([]);
  expect([text.includes('share="gone"'), text.includes('share="web"')]).toEqual([false, true]);
});

test('a share that was never synced has no figures of a journal, and those that are not known are left out', () => {
  const all = families([figures({ local: null, logSeenMs: 0, lag: { records: 0, bytes: null, ms: 0 } })], { ...process, traffic: null });
  const names = all.map(({ name }) => name);
  expect(names).toContain('flocksync_share_ready');
  for (const absent of ['share_files', 'share_lag_bytes', 'share_log_seen_timestamp_seconds', 'share_problems', 'store_calls_total'])
    expect(names).not.toContain(`flocksync_${absent}`);
});

test('names follow the conventions, and docs/6 has a row for each with its words', () => {
  const page = readFileSync(join(projectRoot, 'docs/6-monitoring.md'), 'utf8');
  const rows = new Map([...page.matchAll(/^\| `(flocksync_\w+)`.* \| (.*) \|$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']));
  const all = families([figures()], process);
  for (const { name, kind, help } of all) {
    expect(name.endsWith('_total'), name).toBe(kind === 'counter');
    expect(rows.get(name), `${name} in docs/6-monitoring.md`).toBe(help);
  }
  expect([...rows.keys()].sort()).toEqual([...all.map(({ name }) => name), 'flocksync_share_cycle_duration_seconds'].sort());
  for (const [, used = ''] of page.matchAll(/expr: .*?(flocksync_\w+)/g)) expect([...rows.keys()]).toContain(used);
});

test('a share of which nothing was heard for a quarter of an hour makes the daemon unhealthy', () => {
  expect(stuck([{ share: 'web', agoMs: 15 * 60_000 }])).toEqual([]);
  expect(
    stuck([
      { share: 'web', agoMs: 16 * 60_000 },
      { share: 'nginx', agoMs: 5 },
    ]),
  ).toEqual(['web: nothing has happened for 16 min']);
});
