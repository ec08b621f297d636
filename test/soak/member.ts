import { type ChildProcess, spawn } from 'node:child_process';
import { appendFileSync, closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ended, program, type Ran } from '../e2e/support/federation.ts';
import type { Dice } from '../e2e/support/random.ts';

export const shareNames = ['webroot', 'conf'] as const;
export type ShareName = (typeof shareNames)[number];

/** One server of the soak: its roots, its state, its config, and everything that its processes printed. */
export interface SoakMember {
  readonly name: string;
  root(share: ShareName): string;
  /** Draws how the next process of this member shall work. */
  configure(random: Dice): void;
  start(args: readonly string[]): ChildProcess;
  /** The end of a process that `start` began; what it printed is kept in the member's directory. */
  endOf(child: ChildProcess, args: readonly string[]): Promise<Ran>;
  run(args: readonly string[]): Promise<Ran>;
  /** Where its processes log their steps. */
  readonly stepsFile: string;
  /** The last step that the process told in the log, '' for none. */
  lastStepOf(pid: number | undefined): string;
}

export interface MemberOptions {
  readonly directory: string;
  readonly datastore: readonly string[];
  readonly keys: Readonly<Record<string, string>>;
  /** Of the share `conf`: so short that housekeeping deletes while the soak lasts. */
  readonly shortHistory: string;
}

export function soakMember(name: string, options: MemberOptions): SoakMember {
  const at = (below: string) => join(options.directory, name, below);
  const root = (share: ShareName) => at(share);
  for (const share of shareNames) mkdirSync(root(share), { recursive: true });
  const steps = at('steps.jsonl');
  const start = (args: readonly string[]) => {
    const [command = '', ...rest] = args;
    const env = { PATH: process.env.PATH, HOME: at('.'), FLOCKSYNC_ENV_FILE: '', ...options.keys };
    const all = [program, command, '--config', at('flocksync.yml'), ...rest];
    return spawn(process.execPath, all, { cwd: options.directory, env, stdio: ['ignore', 'pipe', 'pipe'] });
  };
  const endOf = async (child: ChildProcess, args: readonly string[]) => {
    const ran = await ended(child);
    const told = `${new Date().toISOString()} ${args.join(' ')} [${child.pid}]: ${ran.signal ?? ran.code}\n${ran.stdout}${ran.stderr}`;
    appendFileSync(at('prints.log'), told);
    return ran;
  };
  return {
    ...{ name, root, start, endOf, stepsFile: steps },
    configure: (random) => {
      // Whole at every moment, for another process of the member may be reading it.
      writeFileSync(at('next.yml'), configText(name, options, random));
      renameSync(at('next.yml'), at('flocksync.yml'));
    },
    run: async (args) => await endOf(start(args), args),
    lastStepOf: (pid) => lastStep(steps, pid),
  };
}

function configText(member: string, { directory, datastore, shortHistory }: MemberOptions, random: Dice): string {
  const at = (below: string) => join(directory, member, below);
  const guard = 'maxDelete: { percent: 100, floor: 1000000 }';
  const way = () =>
    random.oneIn(2)
      ? ['mode: lightweight', `settle: ${random.pick(['50ms', '200ms'])}`, `sweep: ${random.pick(['10s', '1m'])}`]
      : ['mode: heavyweight', `settle: ${random.pick(['50ms', '500ms'])}`];
  const poll = `poll: ${random.pick(['200ms', '1s', 'adaptive'])}`;
  return [
    'federation: soak',
    'datastore:',
    ...datastore.map((line) => `  ${line}`),
    `member: ${member}`,
    `state: ${at('state')}`,
    `log: ${at('steps.jsonl')}`,
    'shares:',
    `  - name: webroot\n    path: ${at('webroot')}`,
    ...[guard, poll, ...way()].map((line) => `    ${line}`),
    `  - name: conf\n    path: ${at('conf')}`,
    ...[guard, poll, ...way(), `history: ${shortHistory}`].map((line) => `    ${line}`),
    '',
  ].join('\n');
}

const tailBytes = 64 * 1024;

function lastStep(file: string, pid: number | undefined): string {
  if (!existsSync(file)) return '';
  const fd = openSync(file, 'r');
  const { size } = fstatSync(fd);
  const tail = Buffer.alloc(Math.min(size, tailBytes));
  readSync(fd, tail, 0, tail.length, size - tail.length);
  closeSync(fd);
  const own = tail
    .toString()
    .split('\n')
    .filter((line) => line.includes(`"pid":${pid},`));
  return /"step":"([^"]+)"/.exec(own.findLast((line) => line.includes('"step":')) ?? '')?.[1] ?? '';
}
