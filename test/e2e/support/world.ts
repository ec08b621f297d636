import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type DevS3, startDevS3 } from '../../../src/dev-s3/server.ts';
import { ended, program } from './federation.ts';
import { looksLike, type Scene, type Step } from './page.ts';

/** The key of the docs' examples, which is no key of anybody. */
const key = { accessKey: 'AKIAIOSFODNN7EXAMPLE', secretKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
/** What an absolute path of a page may begin with; every server has its own, but for /mnt. */
const own = /(?<![\w.~/-])\/(?=(?:var|srv|backup|root|etc|opt)\b)/g;
const common = /(?<![\w.~/-])\/(?=mnt\b)/g;

/** What servers have in common with this machine. */
const usable = /^\/(?:bin|dev|proc|usr)$/;

/** Servers below one temporary directory, each of which takes its part of it for the whole machine. */
export interface World {
  /** What the page and the servers disagree on, one text for each step; empty where the page is right. */
  play(steps: readonly Step[]): Promise<string[]>;
  close(): Promise<void>;
}

/**
 * `words` are names of servers, and: `sync` (they hold a site of 60 files, all in sync), `s3` (a real S3 server instead of a directory),
 * `history=1s` and other keys of the share.
 */
export async function openWorld({ world: words }: Scene): Promise<World> {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-docs-'));
  chmodSync(directory, 0o755);
  const servers = words.filter((word) => /^[a-z]+[0-9]+$/.test(word) && word !== 's3');
  const bucket = join(directory, words.includes('s3') ? 's3/my-bucket/objects/flocksync' : 'mnt/bucket');
  const s3 = words.includes('s3') ? await openS3(join(directory, 's3')) : null;
  const machine: Machine = { directory, bucket, servers, endpoint: s3?.endpoint ?? null };
  if (s3 === null) mkdirSync(bucket, { recursive: true });
  for (const server of servers) settle(machine, server, words);
  if (words.includes('sync')) await fillAll(machine);
  return {
    play: (steps) => play(machine, steps),
    close: async () => {
      await s3?.close();
      unmountAll(directory);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

interface Machine {
  readonly directory: string;
  readonly bucket: string;
  readonly servers: readonly string[];
  readonly endpoint: string | null;
}

async function openS3(directory: string): Promise<DevS3> {
  mkdirSync(join(directory, 'my-bucket', 'objects'), { recursive: true });
  return await startDevS3({ directory, ...key });
}

/** Directories, a config unless the page writes it, and the program under its name. */
function settle({ directory, bucket, endpoint }: Machine, server: string, words: readonly string[]): void {
  const home = join(directory, server);
  for (const path of ['etc/nginx', 'etc/cron.d', 'root', 'backup', 'srv', 'var/lib', 'var/log', 'var/www/html', 'bin'])
    mkdirSync(join(home, path), { recursive: true });
  const config = join(home, 'etc/flocksync.yml');
  const secrets = join(home, 'etc/flocksync.env');
  const lines = [
    '#!/bin/sh',
    `FLOCKSYNC_ENV_FILE='${secrets}'; [ -e "$FLOCKSYNC_ENV_FILE" ] || FLOCKSYNC_ENV_FILE=; export FLOCKSYNC_ENV_FILE`,
    `case "$1 $*" in ''*' --config '*|' '*|-*|help*|demo*|import*) exec '${process.execPath}' '${program}' "$@" ;; esac`,
    // Whatever the page leaves out must not be this machine's own.
    `[ "$1" != init ] || { shift; set -- init --state '${join(home, 'var/lib/flocksync')}' --member ${server} "$@"; }`,
    `command=$1; shift; exec '${process.execPath}' '${program}' "$command" --config '${config}' "$@"`,
  ];
  writeFileSync(join(home, 'bin/flocksync'), `${lines.join('\n')}\n`, { mode: 0o755 });
  if (!words.includes('sync') && !words.includes('configured')) return;
  const keys = words.filter((word) => word.includes('=')).map((word) => `    ${word.replace('=', ': ')}`);
  const store = endpoint === null ? [`  url: file://${bucket}`] : ['  url: s3://my-bucket/flocksync', '  region: us-east-1'];
  const share = ['shares:', '  - name: webroot', `    path: ${join(home, 'var/www/html')}`, '    settle: 0s', ...keys];
  const head = ['federation: shop', 'datastore:', ...store, `member: ${server}`, `state: ${join(home, 'var/lib/flocksync')}`];
  writeFileSync(config, `${[...head, ...share].join('\n')}\n`);
  const { accessKey, secretKey } = key;
  if (endpoint !== null) writeFileSync(secrets, `AWS_ACCESS_KEY_ID=${accessKey}\nAWS_SECRET_ACCESS_KEY=${secretKey}\n`, { mode: 0o600 });
}

/** The first server has the site, the others join. */
async function fillAll(machine: Machine): Promise<void> {
  const root = join(machine.directory, machine.servers[0] ?? '', 'var/www/html');
  for (const [path, text] of Object.entries(site())) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  for (const server of machine.servers) {
    const { code, seen } = await shell(machine, server, 'flocksync sync', 0);
    if (code !== 0) throw new Error(`${server}: the first sync ended with ${code}: ${seen}`);
  }
}

/** A site as small as a site can be. */
function site(): Record<string, string> {
  const files: Record<string, string> = { 'index.php': '<?php // the site\n', 'wp-config.php': '<?php // its config\n' };
  for (let i = 1; i <= 40; i++) files[`wp-content/uploads/2026/photo-${i}.jpg`] = `photo ${i}\n`;
  for (let i = 1; i <= 18; i++) files[`wp-content/plugins/shop/part-${i}.php`] = `<?php // part ${i} of version 1\n`;
  return files;
}

async function play(machine: Machine, steps: readonly Step[]): Promise<string[]> {
  const wrong: string[] = [];
  let last = 0;
  for (const [at, step] of steps.entries()) {
    const next = steps[at + 1];
    const asksForCode = next?.kind === 'typed' && next.command === 'echo $?';
    if (step.kind === 'meanwhile') {
      const { code, seen } = await shell(machine, machine.servers[0] ?? '', `set -e\n${step.script}`, 0);
      if (code !== 0) wrong.push(`line ${step.line}: ${step.script}\n${seen}ended with ${code}`);
    } else {
      const server = step.server ?? machine.servers[0] ?? '';
      const { code, seen } = await shell(machine, server, onServer(machine, server, step.command), last);
      last = code;
      const sight = `line ${step.line}: ${step.command}\n${seen}`;
      if (code !== 0 && !asksForCode) wrong.push(`${sight}ended with ${code}, of which the page says nothing`);
      else if (!looksLike(step.shown, seen)) wrong.push(`${sight}but the page shows\n${step.shown.join('\n')}`);
    }
  }
  return wrong;
}

/** The command with the paths of a server as they are on this machine. */
function onServer({ directory }: Machine, server: string, command: string): string {
  const shared = command.replaceAll('file:///mnt/', `file://${directory}/mnt/`).replace(common, `${directory}/`);
  const local = shared.replace(own, `${join(directory, server)}/`);
  const stray = [...local.matchAll(/(?<![\w.~/:-])\/(?:\w[\w.-]*)/g)]
    .map(([path]) => path)
    .find((path) => !usable.test(path) && !directory.startsWith(path));
  if (stray !== undefined) throw new Error(`${command}: ${stray} would be that of this machine`);
  return local;
}

/** What bash and everything in it printed, with the paths as the server knows them. `last`: what `$?` is at first. */
async function shell(machine: Machine, server: string, script: string, last: number): Promise<{ code: number; seen: string }> {
  const home = join(machine.directory, server);
  const places = machine.servers.map((name) => [name.toUpperCase(), join(machine.directory, name)]);
  const env = {
    ...{ PATH: `${home}/bin:${process.env.PATH}`, HOME: join(home, 'root'), LC_ALL: 'C.UTF-8', TZ: 'UTC', BUCKET: machine.bucket },
    ...{ AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true', ...Object.fromEntries(places) },
    ...(machine.endpoint === null ? {} : { AWS_ENDPOINT_URL_S3: machine.endpoint }),
  };
  const child = spawn('bash', ['-c', `exec 2>&1; (exit ${last}); ${script}`], { cwd: home, env, stdio: ['ignore', 'pipe', 'pipe'] });
  const { code, stdout } = await ended(child);
  const seen = stdout.replaceAll(`${home}/`, '/').replaceAll(`${machine.directory}/mnt/`, '/mnt/').replaceAll(`${machine.directory}/`, '/');
  // For the server it is the usual place, which nobody has to name.
  const usual = seen.replaceAll(' --config /etc/flocksync.yml', '').replaceAll(machine.endpoint ?? '\0', 'http://127.0.0.1:9000');
  return { code: code ?? 128, seen: usual };
}

/** What a scene has mounted goes with it, from the inside out. */
function unmountAll(directory: string): void {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  for (const place of mounts.filter((path) => path.startsWith(`${directory}/`)).reverse()) spawnSync('umount', [place]);
}
