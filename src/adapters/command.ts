import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import type { BytePath } from '../model/path.ts';
import type { CommandCall, CommandEnd, Commands } from '../ports/command.ts';
import { JournalFault } from '../ports/journal.ts';

/** What is kept of the output: enough for the last lines of any tool. */
const tailBytes = 4096;
/** A command that writes without end is read at this pace, so that it costs little and waits for nobody else. */
const breathBytes = 1024 * 1024;
const breathMs = 50;
/** A timer counts no further; longer ones would fire at once. */
const timerMsMax = 2_147_483_647;
/** Between the request to end and the end. */
const graceMs = 2000;
const askMs = 25;
/** What a child in the background may still have to say when the command itself has ended. */
const lingerMs = 200;
const pathsBufferBytes = 256 * 1024;
/** cron gives no more than /usr/bin and /bin, where neither nginx nor apachectl lies. */
const usualPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
/** Credentials of the bucket, and what a service manager says to this process alone. */
const ownVariables = /^(AWS_|NOTIFY_SOCKET$|WATCHDOG_|LISTEN_(PID|FDS|FDNAMES)$)/;

/** Runs commands with the shell. `pathsFile` holds the paths of a running one. */
export function openCommands(pathsFile: string): Commands {
  return { call: (call) => (call.paths === null ? run(call, 'ignore', {}) : withPaths(pathsFile, call, call.paths)) };
}

async function withPaths(file: string, call: CommandCall, paths: Iterable<BytePath>): Promise<CommandEnd> {
  const input = writePaths(file, paths);
  try {
    return await run(call, input, { FLOCKSYNC_PATHS_FILE: file });
  } finally {
    closeSync(input);
    rmSync(file, { force: true });
  }
}

/** A file serves as input, so that a command may read it slowly, twice or not at all. Returns a descriptor at its beginning. */
function writePaths(file: string, paths: Iterable<BytePath>): number {
  try {
    rmSync(file, { force: true });
    const written = openSync(file, 'wx', 0o600);
    try {
      let text = '';
      for (const path of paths) {
        text += `${path}\0`;
        if (text.length < pathsBufferBytes) continue;
        writeWhole(written, text);
        text = '';
      }
      writeWhole(written, text);
    } finally {
      closeSync(written);
    }
    return openSync(file, 'r');
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error)) throw error;
    throw new JournalFault('unusable', `The file ${file} cannot be written: ${error.message}.`, error);
  }
}

function writeWhole(fd: number, text: string): void {
  const bytes = Buffer.from(text, 'latin1');
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
}

/** A session of its own: the command can be ended with all that it started, and a terminal's Ctrl-C meets this program alone. */
function run(call: CommandCall, input: number | 'ignore', extra: Readonly<Record<string, string>>): Promise<CommandEnd> {
  const placed = inPlace(call);
  if (placed === null && call.stand?.needed) return Promise.resolve({ ended: 'unstartable', how: noPlace, output: '' });
  const [program = '/bin/sh', ...args] = placed ?? ['/bin/sh', '-c', call.run];
  const env = { ...environment(), ...call.variables, ...extra, ...(call.stand ? { FLOCKSYNC_IN_PLACE: placed === null ? '0' : '1' } : {}) };
  return new Promise((resolve) => {
    const child = started(() => spawn(program, args, { cwd: call.directory, env, detached: true, stdio: [input, 'pipe', 'pipe'] }));
    if (child instanceof Error) return resolve({ ended: 'unstartable', how: child.message, output: '' });
    const tail = new Tail();
    // Where no more files can be opened there are none.
    const streams = [child.stdout, child.stderr].filter((stream) => stream instanceof Readable);
    for (const stream of streams) follow(stream, tail);
    const closed = new Promise((resolve) => child.once('close', resolve));
    const ending = endingOf(child, call);
    child.once('error', (error) => {
      ending.forget();
      resolve({ ended: 'unstartable', how: error.message, output: '' });
    });
    void ending.over.then(async ({ ended, how }) => {
      // Whoever lives on in the background may keep the pipes open for ever.
      if (ended === 'done' || ended === 'failed') await Promise.race([closed, pause(lingerMs)]);
      for (const stream of streams) stream.destroy();
      resolve({ ended, how, output: tail.text() });
    });
  });
}

/** Some faults are thrown, others are told later: a command of a megabyte, too many processes. */
function started(start: () => ChildProcess): ChildProcess | Error {
  try {
    return start();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

const noPlace =
  'the copy cannot stand in the place of the root here (no right to a mount namespace), and the command does not name $FLOCKSYNC_STAGED: it would judge what is served now';

function environment(): Record<string, string> {
  const kept = Object.entries(process.env).filter(([name, value]) => value !== undefined && !ownVariables.test(name));
  const path = (process.env.PATH ?? '').split(':').filter((directory) => directory !== '');
  return { ...(Object.fromEntries(kept) as Record<string, string>), PATH: [...new Set([...path, ...usualPath])].join(':') };
}

/** A mount namespace of the command's own, where this user may make one: nobody else sees the other directory there. */
function inPlace({ stand, run: text }: CommandCall): string[] | null {
  if (stand === undefined) return null;
  const bind = ['unshare', '--mount', '--propagation', 'private', '--', '/bin/sh', '-c'];
  const mount = 'mount -n -o bind "$0" "$1"';
  const paths = [stand.from, stand.at];
  const [program = '', ...args] = [...bind, mount, ...paths];
  const tried = spawnSync(program, args, { env: environment(), stdio: 'ignore', timeout: graceMs });
  return tried.status === 0 ? [...bind, `${mount} && cd "$1" && exec /bin/sh -c "$2"`, ...paths, text] : null;
}

interface Over {
  readonly ended: CommandEnd['ended'];
  readonly how: string;
}

/** How the command comes to its end: by itself, at the end of its time, or with the caller. */
function endingOf(child: ChildProcess, { timeoutMs, signal }: CommandCall): { readonly over: Promise<Over>; forget(): void } {
  const moment = new AbortController();
  const over = new Promise<Over>((resolve) => {
    const stop = (ended: 'timeout' | 'stopped', how: string) => {
      moment.abort();
      void endGroup(child).then(() => resolve({ ended, how }));
    };
    const timer = setTimeout(() => stop('timeout', `not at its end after ${timeoutMs / 1000} s`), Math.min(timeoutMs, timerMsMax));
    const onStop = () => stop('stopped', 'ended with flocksync');
    moment.signal.addEventListener('abort', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onStop);
    });
    child.once('exit', (code, killer) => {
      if (moment.signal.aborted) return;
      moment.abort();
      resolve(
        code === 0 ? { ended: 'done', how: 'exit code 0' } : { ended: 'failed', how: killer ? `killed by ${killer}` : `exit code ${code}` },
      );
    });
    signal.addEventListener('abort', onStop, { once: true });
    if (signal.aborted) onStop();
  });
  return { over, forget: () => moment.abort() };
}

/** Asks the whole group to end, and makes it end after a grace. */
async function endGroup({ pid }: ChildProcess): Promise<void> {
  if (pid === undefined || !signalGroup(pid, 'SIGTERM')) return;
  for (let waitedMs = 0; waitedMs < graceMs; waitedMs += askMs) {
    await pause(askMs);
    if (!signalGroup(pid, 0)) return;
  }
  signalGroup(pid, 'SIGKILL');
}

/** False where nobody of the group is left. */
function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-pid, signal);
    return true;
  } catch (error) {
    // One that has taken another user's rights is there all the same.
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function follow(stream: Readable, tail: Tail): void {
  let read = 0;
  stream.on('error', () => {});
  stream.on('data', (bytes: Buffer) => {
    tail.add(bytes);
    read += bytes.length;
    if (read < breathBytes) return;
    read = 0;
    stream.pause();
    setTimeout(() => stream.resume(), breathMs);
  });
}

/** The last bytes of what was added. */
class Tail {
  #bytes = Buffer.alloc(0);

  add(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(-tailBytes)]).subarray(-tailBytes);
  }

  text(): string {
    return this.#bytes.toString('utf8');
  }
}
