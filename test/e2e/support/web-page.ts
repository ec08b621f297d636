import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Daemon, startDaemon, until } from './daemon.ts';
import type { Federation } from './federation.ts';
import { manyFiles, type Plan } from './plant.ts';

export const token = 'a-token-for-tests-0123456789';

/** Debian's; null where it is not installed. */
export const chromium =
  ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((file) => existsSync(file)) ?? null;

/** Files of which more than half lie in `old`, so that one rename takes them away between any two looks. */
export function filesToLose(): Plan {
  return Object.fromEntries(Object.entries(manyFiles(60)).map(([path, content]) => [/^d[012]/.test(path) ? `old/${path}` : path, content]));
}

export function lose(federation: Federation, member: string): void {
  renameSync(join(federation.root(member), 'old'), join(federation.directory, member, 'lost'));
}

/** A port of loopback that nobody listened on a moment ago. */
export async function freePort(): Promise<number> {
  return await new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Lines at the top of a member's config, in the place of those of an earlier call. */
export function configurePage(federation: Federation, member: string, lines: readonly string[]): void {
  const file = federation.configFile(member);
  const kept = readFileSync(file, 'utf8').replace(/^page(Token)?:.*\n/gm, '');
  writeFileSync(file, [...lines, kept].join('\n'));
}

export interface Served {
  readonly daemon: Daemon;
  readonly url: string;
  readonly port: number;
}

/** A daemon with its page, as soon as that answers. */
export async function servePage(federation: Federation, member: string, withToken = true): Promise<Served> {
  const port = await freePort();
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the config file's own variables are written like this
  configurePage(federation, member, [`page: 127.0.0.1:${port}`, ...(withToken ? ['pageToken: ${FLOCKSYNC_PAGE_TOKEN}'] : [])]);
  const daemon = startDaemon(federation, member, { FLOCKSYNC_PAGE_TOKEN: token });
  const url = `http://127.0.0.1:${port}/`;
  await answers(url, daemon);
  return { daemon, url, port };
}

/** Until something answers there. */
export async function answers(url: string, daemon: Daemon): Promise<void> {
  let isUp = false;
  const asked = setInterval(() => {
    fetch(`${url}healthz`).then(
      () => {
        isUp = true;
      },
      () => {},
    );
  }, 50);
  await until(`${url} answers (${daemon.stderr()})`, () => isUp, 30_000).finally(() => clearInterval(asked));
}
