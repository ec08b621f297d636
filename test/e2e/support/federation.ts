import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openDirectory } from '../../../src/adapters/directory.ts';
import { openS3 } from '../../../src/adapters/s3.ts';
import type { Datastore } from '../../../src/ports/datastore.ts';
import { projectRoot } from '../../source.ts';
import { givenEndpoint, placeAt, storeKeys } from './store.ts';

/** The built program; `FLOCKSYNC_DIST` names another build of it. */
export const program = join(resolve(projectRoot, process.env.FLOCKSYNC_DIST ?? 'dist'), 'main.js');

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FederationOptions {
  /**
   * The lines stand below `datastore:`. Default: a `file://` bucket in the federation's directory, or a place of its own in the store of
   * FLOCKSYNC_TEST_S3_ENDPOINT.
   */
  readonly datastore?: readonly string[];
  /** Further lines of the share, such as `maxDelete: { percent: 100, floor: 100000 }`. `settle: 0s` and a high maxDelete are the default. */
  readonly share?: readonly string[];
  /** Users (and groups of the same number) that run the processes of some members, and own what these have; needs root. */
  readonly users?: Readonly<Record<string, number>>;
}

/** Lines below `datastore:` for a server of test/dev-s3/start.ts. */
export function onS3(endpoint: string): string[] {
  return ['url: s3://bucket/optional/prefix', `endpoint: ${endpoint}`, 'region: us-east-1'];
}

/** Members with roots and states below one temporary directory. The share is called `webroot`. */
export interface Federation {
  readonly directory: string;
  /** Directory of the file:// bucket: `<prefix>/shop/webroot/…` stands in it. */
  readonly bucket: string;
  root(member: string): string;
  state(member: string): string;
  configFile(member: string): string;
  /** Writes the member's config anew; `share` replaces the federation's share lines. */
  configure(member: string, share?: readonly string[]): void;
  /** Runs a command of a member to its end, without a terminal. */
  run(member: string, args: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ran>;
  /** The bucket, for tests that look into it; the caller closes it. */
  open(): Promise<Datastore>;
  /** Starts it and hands out the process; the caller ends it. */
  start(member: string, args: readonly string[], environment?: Readonly<Record<string, string>>): ChildProcess;
  close(): void;
}

/** Share lines for tests that are about something else than the second look and the loss guard. */
export const quickShare: readonly string[] = ['settle: 0s', 'maxDelete: { percent: 100, floor: 1000000 }'];

export function startFederation(members: readonly string[], options: FederationOptions = {}): Federation {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-e2e-'));
  const bucket = join(directory, 'bucket');
  const root = (member: string) => join(directory, member, 'html');
  const state = (member: string) => join(directory, member, 'state');
  const configFile = (member: string) => join(directory, member, 'flocksync.yml');
  const datastore = options.datastore ?? (givenEndpoint === undefined ? [`url: "file://${bucket}"`] : placeAt(givenEndpoint));
  const configure = (member: string, share = options.share ?? quickShare) => {
    mkdirSync(root(member), { recursive: true });
    const lines = [
      'federation: shop',
      'datastore:',
      ...datastore.map((line) => `  ${line}`),
      `member: ${member}`,
      `state: ${state(member)}`,
    ];
    const shares = ['shares:', '  - name: webroot', `    path: ${root(member)}`, ...share.map((line) => `    ${line}`)];
    writeFileSync(configFile(member), `${[...lines, ...shares].join('\n')}\n`);
  };
  const start = (member: string, args: readonly string[], extra: Readonly<Record<string, string>> = {}) => {
    const [command = '', ...rest] = args;
    const env = { PATH: process.env.PATH, HOME: directory, ...storeKeys, ...extra };
    const uid = options.users?.[member];
    const identity = uid === undefined ? {} : { uid, gid: uid };
    const all = [program, command, '--config', configFile(member), ...rest];
    return spawn(process.execPath, all, { cwd: directory, env, stdio: ['ignore', 'pipe', 'pipe'], ...identity });
  };
  mkdirSync(bucket);
  chmodSync(directory, 0o755);
  for (const member of members) configure(member);
  for (const [member, uid] of Object.entries(options.users ?? {})) {
    for (const path of [join(directory, member), root(member), configFile(member)]) chownSync(path, uid, uid);
  }
  return {
    ...{ directory, bucket, root, state, configFile, configure, start },
    open: () => openStore(datastore),
    run: (member, args, extra) => ended(start(member, args, extra)),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** By the lines below `datastore:`. */
async function openStore(lines: readonly string[]): Promise<Datastore> {
  const value = (key: string) => new RegExp(`^${key}: "?([^"\\n]*)"?$`, 'm').exec(lines.join('\n'))?.[1];
  const [url = '', endpoint] = [value('url'), value('endpoint')];
  if (url.startsWith('file://')) return openDirectory({ path: url.slice('file://'.length), federation: 'shop' });
  return await openS3({ url, endpoint, federation: 'shop', environment: storeKeys, requestTimeoutMs: 30_000 });
}

/** Waits for the end of a process and collects what it printed. */
export async function ended(child: ChildProcess): Promise<Ran> {
  const text = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (piece: string) => {
    text.stdout += piece;
  });
  child.stderr?.setEncoding('utf8').on('data', (piece: string) => {
    text.stderr += piece;
  });
  return await new Promise((done, failed) => {
    child.once('error', failed);
    child.once('close', (code, signal) => done({ code, signal, ...text }));
  });
}
