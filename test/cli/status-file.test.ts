import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { StatusTeller } from '../../src/cli/status-file.ts';
import { blankFacts, partOf, readPart } from '../../src/cli/status-part.ts';
import { statusText } from '../../src/cli/status-text.ts';
import type { World } from '../../src/compose.ts';
import type { ShareConfig } from '../../src/config-types.ts';
import { DatastoreFault } from '../../src/ports/datastore.ts';

const minuteMs = 60_000;
let home: string;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'flocksync-status-'));
  onTestFinished(() => rmSync(home, { recursive: true, force: true }));
  for (const name of ['state', 'html']) mkdirSync(join(home, name));
});

function share(name: string): ShareConfig {
  const statusFile = { path: join(home, 'html/s'), format: 'datasync', goodForMs: 5 * minuteMs } as const;
  return { name, path: join(home, name), pattern: null, statusFile } as unknown as ShareConfig;
}

/** As much of a world as a teller looks at. */
function worldOf(shares: readonly ShareConfig[], signal = new AbortController().signal): World {
  return { config: { state: join(home, 'state'), member: 'web01', shares }, signal, log: { warn: () => {} } } as unknown as World;
}

/** The share was good so long ago, and said so then. */
function wasGood(name: string, agoMs: number): void {
  const atMs = Date.now() - agoMs;
  writeFileSync(join(home, 'state', `${name}.status`), JSON.stringify(partOf(name, { ...blankFacts, goodAtMs: atMs }, atMs)));
}

const told = () => readFileSync(join(home, 'html/s'), 'utf8');

test('work that goes on keeps the last success until its time is over, and is behind then', () => {
  const teller = new StatusTeller(worldOf([share('a')]), share('a'));
  wasGood('a', 4 * minuteMs);
  teller.progressed({ phase: 'fetching', filesDone: 10, filesTotal: 36_000 });
  expect(told()).toMatch(/^SUCCESS : .*\na: record 0; .*; fetching, 10 of 36,000\n$/);
  wasGood('a', 6 * minuteMs);
  const later = new StatusTeller(worldOf([share('a')]), share('a'));
  later.progressed({ phase: 'fetching', filesDone: 20, filesTotal: 36_000 });
  expect(told()).toMatch(/^FAILURE : a behind at .*; last good at .*\na: .*; fetching, 20 of 36,000\n$/);
  // Much progress in little time is told once.
  later.progressed({ phase: 'fetching', filesDone: 21, filesTotal: 36_000 });
  expect(told()).toContain('fetching, 20 of');
});

test('an idle share stays good, one in trouble stays in trouble, one that never was good is not', () => {
  const teller = new StatusTeller(worldOf([share('a')]), share('a'));
  teller.idle();
  expect(told()).toMatch(/^FAILURE : a not yet complete at /);
  wasGood('a', 4 * minuteMs);
  teller.idle();
  expect(told()).toMatch(/^SUCCESS : /);
  teller.failed(new DatastoreFault('transient', 'timeout', 'x', 'y'));
  expect(told()).toMatch(/^FAILURE : a datastore timeout at /);
  teller.idle();
  expect(told()).toMatch(/^FAILURE : a datastore timeout at /);
  teller.failed(new TypeError('secret words'));
  expect(told()).toMatch(/^FAILURE : a internal error at /);
  expect(told()).not.toContain('secret');
});

test('whoever is told to stop says nothing any more', () => {
  const stop = new AbortController();
  stop.abort();
  const teller = new StatusTeller(worldOf([share('a')], stop.signal), share('a'));
  teller.failed(new Error('stopped'));
  expect(told).toThrow('ENOENT');
});

test('of several shares in one file each says its part, and the oldest success counts', () => {
  const world = worldOf([share('a'), share('b')]);
  wasGood('a', 4 * minuteMs);
  wasGood('b', 0);
  new StatusTeller(world, share('b')).idle();
  const [, at = '', until = ''] = /completed successfully at (\S+), good until (\S+)\n/.exec(told()) ?? [];
  expect(Date.now() - Date.parse(at)).toBeGreaterThan(3.9 * minuteMs);
  expect(Date.parse(until) - Date.parse(at)).toBe(5 * minuteMs);
  expect(told().split('\n').slice(1)).toEqual([expect.stringMatching(/^a: /), expect.stringMatching(/^b: /), '']);
});

test('parts that are damaged, foreign or of a later version are none', () => {
  for (const text of [null, '', '{', '[]', 'null', '{"schema":2,"trouble":[]}', '{"schema":1}']) expect(readPart(text)).toBe(null);
});

test('a failure holds no word of success in any case, nor a success one of failure', () => {
  const good = partOf('success', { ...blankFacts, goodAtMs: 0 }, 0);
  const bad = partOf('b', { ...blankFacts, trouble: ['held', 'root-emptied'] }, 0);
  const format = { path: '', format: 'datasync', goodForMs: 1000 } as const;
  expect(statusText([good, bad], format, 'm')).toMatch(/^FAILURE : b held, root-emptied at 1970-01-01T00:00:00Z; never good so far/);
  expect(statusText([good, bad], format, 'm')).not.toMatch(/SUCCESS :/i);
  expect(statusText([good], format, 'm')).not.toMatch(/FAILURE :/i);
  const document = JSON.parse(statusText([good, bad], { ...format, format: 'json' }, 'm'));
  expect(document).toMatchObject({ status: 'FAILURE', at: null, goodUntil: null, member: 'm' });
});
