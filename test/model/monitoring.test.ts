import { expect, test } from 'vitest';
import { findings, type Monitored, monitorCode, monitorLine, worstState } from '../../src/model/monitoring.ts';

const thresholds = { warningMs: 300_000, criticalMs: 3_600_000 };
const well: Monitored = {
  ...{ share: 'web', synced: true, joined: true, halt: null, holds: [], problems: [], fault: null, others: [] },
  ...{ lag: { records: 0, bytes: 0, ms: 0 }, signMs: 12_000, alive: 2, silent: 0 },
};

test.each<[string, Partial<Monitored>, string]>([
  ['all is well', {}, ''],
  ['what is on its way is no trouble', { lag: { records: 3, bytes: 9, ms: 299_999 } }, ''],
  ['a lag', { lag: { records: 3, bytes: null, ms: 300_000 } }, 'WARNING 3 records behind for 5m'],
  ['a long lag', { lag: { records: 1, bytes: 9, ms: 7_300_000 } }, 'CRITICAL 1 record behind for 2h'],
  ['no lag is no age', { lag: { records: 0, bytes: 0, ms: 9_999_999 } }, ''],
  ['a silent agent', { signMs: 300_000 }, 'WARNING no cycle for 5m'],
  ['a dead agent', { signMs: 200_000_000 }, 'CRITICAL no cycle for 2d'],
  ['never synced', { synced: false, signMs: 1e12 }, 'CRITICAL never synced here'],
  ['joining', { joined: false }, 'WARNING still joining'],
  ['halted', { halt: 'the root is missing' }, 'CRITICAL halted: the root is missing'],
  ['a hold', { holds: ['hold 1: …'] }, 'WARNING hold 1: …'],
  ['a problem', { problems: ['x: busy'] }, 'WARNING x: busy'],
  ['no answer', { fault: 'timeout: gone', lag: null }, 'UNKNOWN the bucket gives no answer: timeout: gone'],
  ['another member', { others: [{ state: 'WARNING', text: 'b: silent' }] }, 'WARNING b: silent'],
])('%s', (_, facts, expected) => {
  const found = findings({ ...well, ...facts }, thresholds);
  expect(found.map(({ state, text }) => `${state} ${text}`).join()).toBe(expected);
});

test('the worst state counts: CRITICAL, WARNING, UNKNOWN, OK', () => {
  expect(worstState([])).toBe('OK');
  expect(worstState(['OK', 'UNKNOWN'])).toBe('UNKNOWN');
  expect(worstState(['WARNING', 'UNKNOWN', 'OK'])).toBe('WARNING');
  expect(worstState(['WARNING', 'CRITICAL', 'UNKNOWN'])).toBe('CRITICAL');
  expect(Object.entries(monitorCode).map(([state, code]) => `${state} ${code}`)).toEqual(['OK 0', 'WARNING 1', 'CRITICAL 2', 'UNKNOWN 3']);
});

test('one line with figures; with several shares these carry the name', () => {
  expect(monitorLine([well], [], thresholds)).toBe(
    'FLOCKSYNC OK - web is up to date | lag_records=0;;;0 lag_bytes=0B;;;0 lag_seconds=0s;300;3600;0 cycle_age_seconds=12s;300;3600;0 problems=0;;;0 holds=0;;;0 members_alive=2;;;0 members_silent=0;;;0',
  );
  const second = { ...well, share: 'etc nginx', lag: null, synced: false };
  const line = monitorLine([well, second], findings(second, thresholds), thresholds);
  expect(line).toContain("'web_lag_records'=0;;;0");
  expect(line).toContain("'etc nginx_lag_records'=U;;;0 'etc nginx_lag_bytes'=U;;;0 'etc nginx_lag_seconds'=U;300;3600;0");
  expect(monitorLine([well, well], [], thresholds)).toMatch(/^FLOCKSYNC OK - 2 shares are up to date \| /);
  expect(monitorLine([{ ...well, lag: { records: 2, bytes: 1, ms: 5 } }], [], thresholds)).toContain('OK - web: 2 records on the way |');
});

test('texts cannot break the line, and the worst comes first', () => {
  const found = [
    { state: 'WARNING' as const, text: `a | b\nc ${'x'.repeat(5000)}` },
    { state: 'CRITICAL' as const, text: 'first' },
  ];
  const line = monitorLine([well], found, thresholds);
  expect(line).toMatch(/^FLOCKSYNC CRITICAL - first; a \/ b c x+ \| lag_records/);
  expect(line.split('\n')).toHaveLength(1);
  expect(line.length).toBeLessThan(1500);
});
