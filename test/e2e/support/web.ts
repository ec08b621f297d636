import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ended, type Ran } from './federation.ts';

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx'].find((path) => existsSync(path)) ?? '';
const phpFpm = existsSync('/usr/sbin') ? (readdirSync('/usr/sbin').find((name) => /^php-fpm[\d.]+$/.test(name)) ?? '') : '';

/** nginx, with the files that come with it, and the PHP that a web server talks to. */
export const hasWeb = nginx !== '' && phpFpm !== '' && existsSync('/etc/nginx/fastcgi_params');

/** One web server for each root, with PHP. */
export interface Web {
  url(root: string): string;
  stop(): Promise<void>;
}

/** Below `directory`, which the servers' user must be able to read. */
export async function startWeb(directory: string, roots: readonly string[]): Promise<Web> {
  mkdirSync(join(directory, 'tmp'), { recursive: true });
  const ports = await Promise.all(roots.map(() => freePort()));
  writeFileSync(join(directory, 'php.conf'), phpConfig(directory));
  writeFileSync(join(directory, 'nginx.conf'), nginxConfig(directory, roots, ports));
  const servers = [
    spawn(join('/usr/sbin', phpFpm), ['-F', '-R', '-y', join(directory, 'php.conf')], { stdio: 'pipe' }),
    spawn(nginx, ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', join(directory, 'error.log')], { stdio: 'pipe' }),
  ];
  const ends = servers.map((server) => ended(server));
  const url = (root: string) => `http://127.0.0.1:${ports[roots.indexOf(root)]}`;
  const stop = async () => {
    for (const server of servers) server.kill('SIGTERM');
    await Promise.all(ends);
  };
  try {
    await answering(join(directory, 'php.sock'), url(roots[0] ?? ''), servers, ends);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, stop };
}

/** A server that ends early has said why. */
async function answering(socket: string, url: string, servers: readonly ChildProcess[], ends: readonly Promise<Ran>[]): Promise<void> {
  const patienceMs = 20_000;
  for (const startedMs = performance.now(); performance.now() - startedMs < patienceMs; ) {
    const failed = servers.findIndex((server) => server.exitCode !== null);
    if (failed >= 0) throw new Error(`${servers[failed]?.spawnfile}: ${(await ends[failed])?.stderr}`);
    const answer = existsSync(socket) ? await fetch(`${url}/`).catch(() => null) : null;
    await answer?.arrayBuffer();
    if (answer !== null) return;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error('the web server does not answer');
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => done(port));
    });
  });
}

const isRoot = process.getuid?.() === 0;

/** Without the opcode cache: what is measured is what the disk shows. */
function phpConfig(directory: string): string {
  return [
    '[global]',
    `error_log = ${directory}/php.log`,
    'daemonize = no',
    '[www]',
    ...(isRoot ? ['user = root', 'group = root'] : []),
    `listen = ${directory}/php.sock`,
    'pm = static',
    'pm.max_children = 3',
    `php_admin_value[upload_tmp_dir] = ${directory}/tmp`,
    'php_admin_value[opcache.enable] = 0',
    '',
  ].join('\n');
}

function nginxConfig(directory: string, roots: readonly string[], ports: readonly number[]): string {
  const temporary = ['client_body', 'fastcgi', 'proxy', 'uwsgi', 'scgi'].map((kind) => `  ${kind}_temp_path ${directory}/tmp/${kind};`);
  const servers = roots.map((root, index) =>
    [
      '  server {',
      `    listen 127.0.0.1:${ports[index]};`,
      `    root ${root};`,
      '    index index.html index.php;',
      '    location ~ \\.php$ {',
      '      include /etc/nginx/fastcgi_params;',
      '      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;',
      `      fastcgi_pass unix:${directory}/php.sock;`,
      '    }',
      '  }',
    ].join('\n'),
  );
  return [
    'daemon off;',
    ...(isRoot ? ['user root;'] : []),
    'worker_processes 1;',
    `pid ${directory}/nginx.pid;`,
    'events { worker_connections 128; }',
    'http {',
    '  access_log off;',
    '  include /etc/nginx/mime.types;',
    ...temporary,
    ...servers,
    '}',
    '',
  ].join('\n');
}
