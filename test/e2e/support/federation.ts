import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { snapshotText } from './tree.ts';

/** The built program; FLOCKSYNC_DIST names another build. */
export const program = join(resolve(process.env.FLOCKSYNC_DIST ?? 'dist'), 'main.js');

export interface Member {
  readonly name: string;
  /** The first share's root. */
  readonly root: string;
  readonly state: string;
  readonly config: string;
}

export interface Ran {
  /** null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly elapsedMs: number;
}

export interface FederationOptions {
  /** The config's `datastore`; default: a file:// directory of this test. */
  readonly datastore?: Record<string, unknown>;
  /** Further keys of the share, for all members. */
  readonly share?: Record<string, unknown>;
  readonly environment?: Record<string, string>;
}

export interface RunOptions {
  readonly environment?: Record<string, string>;
  /** Runs as this user and group (needs root). */
  readonly uid?: number;
  readonly onStart?: (child: ChildProcess) => void;
}

/** Members with temporary directories of their own and one share `web` each; everything is gone when the test ends. */
export class Federation {
  readonly directory = realpathSync(mkdtempSync(join(tmpdir(), 'flocksync-e2e-')));
  /** The directory of the file:// datastore. */
  readonly bucket = join(this.directory, 'bucket');
  readonly #options: FederationOptions;

  constructor(options: FederationOptions = {}) {
    this.#options = options;
    mkdirSync(this.bucket);
    onTestFinished(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** `share` and `config` add to or replace keys of this member's share and of its config as a whole. */
  member(name: string, { share = {}, config = {} }: { share?: Record<string, unknown>; config?: Record<string, unknown> } = {}): Member {
    const home = join(this.directory, name);
    const root = String(share.path ?? join(home, 'root'));
    const member = { name, root, state: String(config.state ?? join(home, 'state')), config: join(home, 'flocksync.yml') };
    mkdirSync(home, { recursive: true });
    if (share.path === undefined) mkdirSync(root, { recursive: true });
    this.configure(member, share, config);
    return member;
  }

  /** Writes the member's config anew. JSON is YAML. */
  configure(member: Member, share: Record<string, unknown> = {}, config: Record<string, unknown> = {}): void {
    const whole = {
      federation: 'shop',
      datastore: this.#options.datastore ?? { url: `file://${this.bucket}` },
      member: member.name,
      state: member.state,
      shares: [{ name: 'web', path: member.root, settle: '0s', ...this.#options.share, ...share }],
      ...config,
    };
    writeFileSync(member.config, JSON.stringify(whole, null, 2));
  }

  members(...names: string[]): Member[] {
    return names.map((name) => this.member(name));
  }

  /** Runs `flocksync COMMAND --config … REST` to its end. */
  run(member: Member, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
    const [command = 'sync', ...rest] = args;
    const environment = {
      PATH: process.env.PATH ?? '',
      HOME: this.directory,
      FLOCKSYNC_ENV_FILE: '',
      ...this.#options.environment,
      ...options.environment,
    };
    const startedMs = performance.now();
    const child = spawn(process.execPath, [program, command, '--config', member.config, ...rest], {
      env: environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
    const texts = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) child[name].setEncoding('utf8').on('data', (text: string) => (texts[name] += text));
    options.onStart?.(child);
    return new Promise((done, fail) => {
      child.on('error', fail);
      child.on('close', (code, signal) => done({ code, signal, ...texts, elapsedMs: performance.now() - startedMs }));
    });
  }

  sync(member: Member, ...args: string[]): Promise<Ran> {
    return this.run(member, ['sync', ...args]);
  }

  /** Syncs in turn until a whole round changes nothing for anybody; every run must end with 0. */
  async settle(members: readonly Member[], roundsMax = 6): Promise<void> {
    let before = '';
    for (let round = 0; round < roundsMax; round++) {
      for (const member of members) {
        const ran = await this.sync(member);
        if (ran.code !== 0) throw new Error(`sync of ${member.name} ended with ${ran.code}: ${ran.stderr}`);
      }
      const now = members.map((member) => snapshotText(member.root)).join('\n\n');
      if (now === before) return;
      before = now;
    }
    throw new Error(`no quiet after ${roundsMax} rounds`);
  }
}
