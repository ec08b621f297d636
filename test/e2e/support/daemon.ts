import type { ChildProcess } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestS3 } from '../../dev-s3/start.ts';
import { ended, type Federation, type Ran } from './federation.ts';

/** A running `flocksync run` of one member. */
export interface Daemon {
  readonly process: ChildProcess;
  /** Its end and everything it printed. */
  readonly ended: Promise<Ran>;
  /** What it has printed on standard error so far. */
  stderr(): string;
  /** SIGTERM, and how long the end took, in ms. */
  stop(): Promise<Ran & { readonly tookMs: number }>;
}

export function startDaemon(federation: Federation, member: string, variables: Readonly<Record<string, string>> = {}): Daemon {
  const process = federation.start(member, ['run'], variables);
  let stderr = '';
  process.stderr?.on('data', (piece: Buffer) => {
    stderr += piece.toString();
  });
  const end = ended(process);
  return {
    process,
    ended: end,
    stderr: () => stderr,
    stop: async () => {
      const startedMs = performance.now();
      process.kill('SIGTERM');
      return { ...(await end), tookMs: performance.now() - startedMs };
    },
  };
}

/** How long it took until `condition` held, in ms; throws after `patienceMs`. */
export async function until(what: string, condition: () => boolean, patienceMs = 10_000): Promise<number> {
  const startedMs = performance.now();
  while (!condition()) {
    if (performance.now() - startedMs > patienceMs) throw new Error(`${what}: not within ${patienceMs} ms`);
    await delay(10);
  }
  return performance.now() - startedMs;
}

/** Replaces a member's config: several shares as lines below `shares:`, each beginning with `- name:`. */
export function configureShares(federation: Federation, member: string, datastore: readonly string[], shares: readonly string[]): void {
  const lines = [
    'federation: shop',
    'datastore:',
    ...datastore.map((line) => `  ${line}`),
    `member: ${member}`,
    `state: ${federation.state(member)}`,
    'shares:',
    ...shares.map((line) => `  ${line}`),
  ];
  writeFileSync(federation.configFile(member), `${lines.join('\n')}\n`);
}

export function s3Lines(s3: TestS3): string[] {
  return ['url: "s3://bucket/prefix"', `endpoint: ${s3.endpoint}`];
}
