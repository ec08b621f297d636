import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A machine of its own for Debian's cron: its files, its mail and its clock; nothing of it is seen outside. */
export interface CronMachine {
  /** Starts cron. `setUp` are shell commands that run first, where /etc/cron.d is the machine's. */
  start(setUp: readonly string[]): void;
  /** Files in its /etc/cron.d. */
  files(): string[];
  file(name: string): string;
  /** Mails that cron has sent, each as one text. */
  mails(): string[];
  /** When lines that sleep first had slept: the words of their shell, and the machine's seconds since it started. */
  starts(): { readonly command: string; readonly second: number }[];
  /** What the set-up and cron itself printed. */
  output(): string;
  close(): void;
}

const libraries = '/usr/lib';

/** Root, its own mounts and process ids, cron, and a clock that can be turned. */
export function canRunCron(): boolean {
  if (process.getuid?.() !== 0) return false;
  const has = (program: string) => spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
  if (!has('cron') || !has('faketime') || !has('unshare') || !existsSync(libraries)) return false;
  const sandbox = mkdtempSync(join(tmpdir(), 'flocksync-cron-'));
  const mount = `mount --make-rprivate / && mount -t tmpfs none /run && mount -t overlay none -o lowerdir=${sandbox}:/usr/sbin /usr/sbin`;
  const tried = spawnSync('unshare', ['--mount', '--pid', '--fork', '--mount-proc', 'sh', '-c', mount]);
  rmSync(sandbox, { recursive: true });
  return tried.status === 0;
}

/** Its clock runs `speed` times as fast; so do the sleeps in its lines. It begins at half past a minute. */
export function cronMachine(speed: number): CronMachine {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-cron-'));
  const at = (name: string) => join(directory, name);
  for (const folder of ['cron.d', 'spool', 'spool/crontabs', 'sbin', 'local', 'mail']) mkdirSync(at(folder));
  chmodSync(at('spool/crontabs'), 0o1730);
  writeFileSync(at('crontab'), '');
  program(at('sbin/sendmail'), [`cat > "$(mktemp ${at('mail')}/XXXXXXXX)"`]);
  // A line's sleep lasts shorter by the same factor, and tells when it is over; its parent is the shell of the line.
  program(at('local/sleep'), [
    `/bin/sleep "$(awk "BEGIN { print $1 / ${speed} }")"`,
    `echo "$(date +%s.%N) $(tr '\\0' ' ' < /proc/$PPID/cmdline)" >> ${at('starts')}`,
  ]);
  let cron: ChildProcess | undefined;
  let output = '';
  return {
    start: (setUp) => {
      writeFileSync(at('start'), [...mounts(at), ...setUp, `date +%s.%N > ${at('started')}`, clocked(speed)].join('\n'));
      cron = spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc', 'bash', '-e', at('start')], { stdio: 'pipe' });
      for (const stream of [cron.stdout, cron.stderr]) stream?.on('data', (text) => (output = `${output}${text}`));
    },
    files: () => readdirSync(at('cron.d')).sort(),
    file: (name) => readFileSync(at(`cron.d/${name}`), 'utf8'),
    mails: () => readdirSync(at('mail')).map((name) => readFileSync(at(`mail/${name}`), 'utf8')),
    starts: () =>
      existsSync(at('starts')) ? startsIn(readFileSync(at('starts'), 'utf8'), readFileSync(at('started'), 'utf8'), speed) : [],
    output: () => output,
    close: () => {
      cron?.kill('SIGKILL');
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function program(file: string, lines: readonly string[]): void {
  writeFileSync(file, `#!/bin/sh\n${lines.join('\n')}\n`);
  chmodSync(file, 0o755);
}

function mounts(at: (name: string) => string): string[] {
  return [
    'mount --make-rprivate /',
    `mount --bind ${at('cron.d')} /etc/cron.d`,
    `mount --bind ${at('spool')} /var/spool/cron`,
    `mount --bind ${at('crontab')} /etc/crontab`,
    `mount --bind ${at('local')} /usr/local/sbin`,
    `mount -t overlay none -o lowerdir=${at('sbin')}:/usr/sbin /usr/sbin`,
    'mount -t tmpfs none /run',
    // The wrapper around the clock leaves a semaphore there, named after its process id.
    'mount -t tmpfs none /dev/shm',
  ];
}

function clocked(speed: number): string {
  return `exec faketime -f '@2026-03-03 03:00:30 x${speed}' /usr/sbin/cron -f`;
}

function startsIn(text: string, started: string, speed: number): { command: string; second: number }[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [time = '', ...command] = line.split(' ');
    return { command: command.join(' '), second: 30 + (Number(time) - Number(started)) * speed };
  });
}
