import { spawn } from 'node:child_process';

/** What systemd is told (sd_notify(3)). Nothing happens where no service manager listens. */
export interface Supervisor {
  /** The work has begun; `status` is a line for people. */
  ready(status: string): void;
  reloading(): void;
  stopping(): void;
  /** Calls it dead unless this is said often enough. */
  alive(): void;
  /** Within this time, ms; null where nobody counts. */
  readonly watchdogMs: number | null;
  /** Resolves when everything is said. */
  settled(): Promise<void>;
}

/** Node cannot write to a datagram socket; the program that comes with systemd can. */
const program = 'systemd-notify';
/** It waits until systemd has taken the message; one that never does must not hold up the end of a daemon. */
const messageMsMax = 5000;

type Variables = Readonly<Record<string, string | undefined>>;

/** `onFault` is told once when messages cannot be sent: `systemd-notify` is missing, or nobody reads the socket. */
export function openSupervisor(variables: Variables, onFault: (message: string) => void): Supervisor {
  const socket = variables.NOTIFY_SOCKET;
  let last = Promise.resolve();
  let isFaulty = false;
  const say = (...assignments: string[]) => {
    if (socket === undefined || socket === '') return;
    last = last.then(async () => {
      const fault = await send(socket, assignments, variables.PATH);
      if (fault !== null && !isFaulty) onFault(fault);
      isFaulty = fault !== null;
    });
  };
  return {
    ready: (status) => say('READY=1', `STATUS=${status}`),
    // Newer versions of systemd match the answer to their signal by this time.
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`),
    stopping: () => say('STOPPING=1'),
    alive: () => say('WATCHDOG=1'),
    watchdogMs: socket === undefined ? null : watchdogMsOf(variables),
    settled: () => last,
  };
}

/** In microseconds there; meant for this process where a number of a process stands beside it. */
function watchdogMsOf({ WATCHDOG_USEC, WATCHDOG_PID }: Variables): number | null {
  const ms = Number(WATCHDOG_USEC ?? Number.NaN) / 1000;
  const isOurs = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
  return isOurs && ms > 0 ? ms : null;
}

function send(socket: string, assignments: readonly string[], path = '/usr/bin:/bin'): Promise<string | null> {
  return new Promise((resolve) => {
    const child = spawn(program, assignments, { env: { NOTIFY_SOCKET: socket, PATH: path }, stdio: 'ignore' });
    const timer = setTimeout(() => child.kill('SIGKILL'), messageMsMax);
    const end = (fault: string | null) => {
      clearTimeout(timer);
      resolve(fault);
    };
    child.once('error', (error) => end(`${program} cannot be started: ${error.message}`));
    child.once('close', (code, signal) => end(code === 0 ? null : `${program} ended with ${signal ?? code}`));
  });
}
