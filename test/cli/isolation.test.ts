import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { run } from '../../src/cli/run.ts';
import { openWorld } from '../../src/compose.ts';
import { loadConfig } from '../../src/config.ts';
import type { ShareConfig } from '../../src/config-types.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { until } from '../e2e/support/daemon.ts';

const nothing = () => {};
const silent = { debug: nothing, info: nothing, warn: nothing, error: nothing };
const supervisor = { ready: nothing, reloading: nothing, stopping: nothing, alive: nothing, watchdogMs: null, settled: async () => {} };

/** A daemon in this process, over shares of these names; `plant` makes of one what it likes. */
function daemon(names: readonly string[], mode: string, plant: (share: ShareConfig) => ShareConfig) {
  const home = temporaryDirectory();
  const root = (name: string) => join(home, 'roots', name);
  for (const name of names) mkdirSync(root(name), { recursive: true });
  mkdirSync(join(home, 'bucket'));
  const shares = names.map((name) => `  - { name: ${name}, path: "${root(name)}", settle: 0s, mode: ${mode} }`);
  const text = ['federation: shop', `datastore: { url: "file://${home}/bucket" }`, `state: "${home}/state"`, 'shares:', ...shares, ''].join(
    '\n',
  );
  const loaded = loadConfig(text, join(home, 'flocksync.yml'), { variables: {}, hostName: 'web01', realpath: () => null });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.faults));
  const stop = new AbortController();
  const config = { ...loaded.config, shares: loaded.config.shares.map(plant) };
  const world = openWorld({ config, variables: {}, log: silent, signal: stop.signal, version: '0', retryBudgetMs: 1000 });
  const said: string[] = [];
  const output = { terminal: false, line: (line: string) => void said.push(line), error: (line: string) => void said.push(line) };
  const service = { supervisor, variables: {}, reread: () => ({ ok: false as const, lines: [] }), onReload: nothing };
  const ended = run(world, output, service);
  onTestFinished(async () => {
    stop.abort();
    await ended;
    await world.close();
  });
  return { root, said, log: (name: string, record: number) => join(home, 'bucket/shop', name, 'log', String(record).padStart(16, '0')) };
}

/** Throws whenever it is asked for something that a share's part needs. */
function broken(share: ShareConfig, key: keyof ShareConfig): ShareConfig {
  return Object.defineProperty({ ...share }, key, {
    enumerable: true,
    get: () => {
      throw new TypeError('planted');
    },
  });
}

test.each([
  ['in its cycle', 'heavyweight', 'exclude'],
  ['when its cycles are planned', 'heavyweight', 'schedule'],
  ['when it begins to watch', 'lightweight', 'exclude'],
] as const)('a defect of one share, %s, is said once and stops no other share', async (_, mode, key) => {
  const { root, said, log } = daemon(['first', 'faulty', 'last'], mode, (share) => (share.name === 'faulty' ? broken(share, key) : share));
  for (const name of ['first', 'faulty', 'last']) writeFileSync(join(root(name), 'file'), name);
  await until('the others', () => ['first', 'last'].every((name) => existsSync(log(name, 1))));
  for (const name of ['first', 'last']) writeFileSync(join(root(name), 'file'), `${name} again`);
  await until('their next changes', () => ['first', 'last'].every((name) => existsSync(log(name, 2))), 15_000);
  expect(existsSync(log('faulty', 1))).toBe(false);
  expect(said).toEqual([expect.stringMatching(/^flocksync: faulty: internal error, please report it: TypeError: planted/)]);
});
