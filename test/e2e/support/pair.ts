import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, vi } from 'vitest';
import { type Federation, type FederationOptions, type Ran, startFederation } from './federation.ts';
import { type Plan, plant } from './plant.ts';
import { differences, snapshot } from './tree.ts';

/** One member of a scenario, told in the words of a test. */
export interface Actor {
  readonly root: string;
  readonly state: string;
  /** One cycle that must end with this exit code. */
  sync(code?: number, ...args: string[]): Promise<Ran>;
  run(command: string, ...args: string[]): Promise<Ran>;
  put(plan: Plan): void;
  remove(...paths: string[]): void;
  /** Text of a file; undefined where none can be read. */
  read(path: string): string | undefined;
  names(): string[];
  /** New share lines, beside `settle: 0s`. */
  configure(...share: string[]): void;
}

export interface Scenario {
  readonly federation: Federation;
  readonly bucket: string;
  member(name: string): Actor;
  log(): string[];
}

// Several processes one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 60_000 });

const running: Federation[] = [];

afterEach(() => {
  for (const federation of running.splice(0)) federation.close();
});

/** Members with the default loss guard; `settle: 0s` only saves time. Everything is removed after the test. */
export function scenario(members: readonly string[], options: FederationOptions = {}): Scenario {
  const federation = startFederation(members, { share: ['settle: 0s'], ...options });
  running.push(federation);
  const bucket = join(federation.bucket, 'shop', 'webroot');
  return { federation, bucket, member: (name) => actor(federation, name), log: () => readdirSync(join(bucket, 'log')).sort() };
}

function actor(federation: Federation, name: string): Actor {
  const root = federation.root(name);
  const run: Actor['run'] = (command, ...args) => federation.run(name, [command, ...args]);
  return {
    ...{ root, state: federation.state(name), run },
    sync: async (code = 0, ...args) => {
      const ran = await run('sync', ...args);
      expect(ran.code, `sync of ${name}: ${ran.stdout}${ran.stderr}`).toBe(code);
      if (code === 0 && args.length === 0) expect(ran.stdout + ran.stderr).toBe('');
      return ran;
    },
    put: (plan) => plant(root, plan),
    remove: (...paths) => {
      for (const path of paths) rmSync(join(root, path), { recursive: true });
    },
    read: (path) => {
      try {
        return readFileSync(join(root, path), 'utf8');
      } catch {
        return undefined;
      }
    },
    names: () => [...snapshot(root).keys()],
    configure: (...share) => federation.configure(name, ['settle: 0s', ...share]),
  };
}

export function expectEqual(left: Actor, right: Actor): void {
  expect(differences(snapshot(left.root), snapshot(right.root))).toEqual([]);
}

/** Both hold `plan` and have synced. */
export async function settled(left: Actor, right: Actor, plan: Plan): Promise<void> {
  left.put(plan);
  await left.sync();
  await right.sync();
  expectEqual(left, right);
}

/** The bucket goes back to what it held when this was called; `after` is what somebody publishes in between. */
export async function setBack(directory: string, bucket: string, after: () => Promise<unknown>): Promise<void> {
  const copy = join(directory, 'copy');
  cpSync(bucket, copy, { recursive: true, preserveTimestamps: true });
  await after();
  rmSync(bucket, { recursive: true });
  mkdirSync(bucket);
  cpSync(copy, bucket, { recursive: true, preserveTimestamps: true });
}
