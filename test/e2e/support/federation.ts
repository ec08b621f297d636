import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';

const checkout = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
const program = join(resolve(process.env.FLOCKSYNC_DIST ?? join(checkout, 'dist')), 'main.js');

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built program to its end. */
export function flocksync(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [program, ...args], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (data) => (stdout += data));
    child.stderr.on('data', (data) => (stderr += data));
    child.on('error', fail);
    child.on('close', (code) => done({ code: code ?? -1, stdout, stderr }));
  });
}

export interface TestMember {
  readonly name: string;
  /** The only share's root; not created yet. */
  readonly root: string;
  readonly state: string;
  readonly config: string;
  /** `flocksync COMMAND --config … ARGS`. */
  run(command: string, ...args: string[]): Promise<Ran>;
  /** One cycle. */
  sync(...args: string[]): Promise<Ran>;
  /** Rewrites the config with these keys of the share (and of the top level) changed. */
  configure(share: Record<string, unknown>, top?: Record<string, unknown>): void;
}

export interface TestFederation {
  readonly directory: string;
  /** Directory of the bucket's federation, for `file://` datastores: `webroot/log/…`. */
  readonly bucket: string;
  member(name: string, share?: Record<string, unknown>, top?: Record<string, unknown>): TestMember;
  remove(): void;
}

export const shareName = 'webroot';

/** A federation in a temporary directory; its bucket is a directory unless `datastore` says otherwise. */
export function createFederation(
  options: { readonly datastore?: Record<string, unknown>; readonly environment?: Record<string, string> } = {},
): TestFederation {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-e2e-'));
  const datastore = options.datastore ?? { url: `file://${directory}/bucket` };
  return {
    directory,
    bucket: join(directory, 'bucket', 'shop'),
    member: (name, share = {}, top = {}) => createMember(directory, name, datastore, options.environment ?? {}, share, top),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function createMember(
  directory: string,
  name: string,
  datastore: Record<string, unknown>,
  environment: Record<string, string>,
  share: Record<string, unknown>,
  top: Record<string, unknown>,
): TestMember {
  const home = join(directory, name);
  const root = join(home, 'html');
  const state = join(home, 'state');
  const config = join(home, 'flocksync.yml');
  mkdirSync(home, { recursive: true });
  const configure: TestMember['configure'] = (changedShare, changedTop = {}) => {
    const shares = [{ name: shareName, path: root, settle: '10ms', ...share, ...changedShare }];
    writeFileSync(config, stringify({ federation: 'shop', datastore, member: name, state, shares, ...top, ...changedTop }));
  };
  configure({});
  const run: TestMember['run'] = (command, ...args) => flocksync([command, '--config', config, ...args], environment);
  return { name, root, state, config, run, configure, sync: (...args) => run('sync', ...args) };
}

/** Names of the record objects of a `file://` bucket, in order. */
export function logNumbers(federation: TestFederation, share = shareName): string[] {
  return readdirSync(join(federation.bucket, share, 'log')).sort();
}
