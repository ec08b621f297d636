import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { projectRoot } from '../../source.ts';
import { ended, program, type Ran } from './federation.ts';

/** A directory with a bucket, the program as it is installed, and servers that all have their own copy of a script. */
export interface Farm {
  readonly directory: string;
  readonly bucket: string;
  /** Copies the files into the server's /opt/scripts/datasync and sets options at the top of the first as a person with an editor would. */
  server(name: string, script: 'pull-datasync.sh' | 'push-datasync.sh', options: Readonly<Record<string, string>>): Server;
}

export interface Server {
  /** Below which everything of this server lies. */
  readonly home: string;
  path(below: string): string;
  /** The cron line, run as cron runs it. */
  cron(): Promise<Ran>;
  set(options: Readonly<Record<string, string>>): void;
}

export function startFarm(): Farm {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-farm-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const bucket = join(directory, 'bucket');
  mkdirSync(bucket);
  const installed = installProgram(directory);
  return {
    ...{ directory, bucket },
    server: (name, script, options) => {
      const home = join(directory, name);
      const scripts = join(home, 'opt/scripts/datasync');
      mkdirSync(scripts, { recursive: true });
      for (const file of [script, 'datasync.sh', 'datasync-members.mjs'])
        copyFileSync(join(projectRoot, 'scripts', file), join(scripts, file));
      const file = join(scripts, script);
      const set = (changes: Readonly<Record<string, string>>) => writeFileSync(file, edited(readFileSync(file, 'utf8'), changes));
      set({ this_server: `"${name}"`, bucket: `"file://${bucket}"`, flocksync: `"${installed}"`, home: `"${home}/lib"`, ...options });
      chmodSync(file, 0o755);
      return { home, path: (below) => join(home, below), set, cron: () => asCron(file, directory) };
    },
  };
}

function edited(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((so, [option, value]) => {
    const line = new RegExp(`^${option}=.*$`, 'm');
    if (!line.test(so)) throw new Error(`the script has no option ${option}=`);
    return so.replace(line, () => `${option}=${value}`);
  }, text);
}

/** `/usr/local/bin/flocksync`, with the Node that runs the tests. */
export function installProgram(directory: string): string {
  const installed = join(directory, 'flocksync');
  writeFileSync(installed, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`, { mode: 0o755 });
  return installed;
}

/** With cron's environment; Node is where this test's is. */
export async function asCron(line: string, home: string, extra: Readonly<Record<string, string>> = {}): Promise<Ran> {
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const env = { PATH, HOME: home, LOGNAME: 'root', SHELL: '/bin/sh', FLOCKSYNC_ENV_FILE: '', ...extra };
  return await ended(spawn('/bin/sh', ['-c', line], { env, cwd: home, stdio: ['ignore', 'pipe', 'pipe'] }));
}

export interface WebServer {
  readonly port: number;
  get(path: string): Promise<{ status: number; text: string }>;
}

/** A web server of one document root. */
export async function webServer(root: string): Promise<WebServer> {
  const server = createServer((request, response) => {
    const file = join(root, decodeURIComponent(request.url ?? '/'));
    response.statusCode = existsSync(file) ? 200 : 404;
    response.end(existsSync(file) ? readFileSync(file) : '');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    port,
    get: async (path) => {
      const answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return { status: answer.status, text: await answer.text() };
    },
  };
}
