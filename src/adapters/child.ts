import { type ChildProcess, spawn } from 'node:child_process';

export interface Finished {
  /** Exit code; 128 where a signal ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Nothing that this program starts for itself says more than this. */
const outputBytesMax = 1024 * 1024;
const killAfterMs = 5000;

/** Runs a Node program with exactly these variables. The signal asks it to end, and after five seconds makes it end. */
export function runNode(
  program: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...args], { env: { ...variables }, stdio: ['ignore', 'pipe', 'pipe'] });
    const read = { stdout: collect(child.stdout), stderr: collect(child.stderr) };
    const stop = () => end(child);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    child.once('error', reject);
    child.once('close', (code) => {
      signal.removeEventListener('abort', stop);
      resolve({ code: code ?? 128, stdout: read.stdout(), stderr: read.stderr() });
    });
  });
}

function end(child: ChildProcess): void {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), killAfterMs);
  child.once('close', () => clearTimeout(timer));
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes <= outputBytesMax) chunks.push(chunk);
  });
  return () => Buffer.concat(chunks).toString('utf8');
}
