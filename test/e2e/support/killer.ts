import { setTimeout as pause } from 'node:timers/promises';
import { ended, type Federation, type Ran } from './federation.ts';

export interface Killed extends Ran {
  readonly killed: boolean;
  /** `step=` of the last line that the process printed. */
  readonly lastStep: string;
}

/** Runs a command with -v and kills the process (SIGKILL) `delayMs` after the first line of the step. */
export async function killAt(
  federation: Federation,
  member: string,
  args: readonly string[],
  step: string,
  delayMs: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<Killed> {
  const child = federation.start(member, [...args, '-v'], environment);
  let seen = '';
  let aimed = false;
  child.stderr?.on('data', (piece: Buffer | string) => {
    seen += String(piece);
    if (aimed || !seen.includes(` step=${step} `)) return;
    aimed = true;
    if (delayMs === 0) child.kill('SIGKILL');
    else void pause(delayMs).then(() => child.kill('SIGKILL'));
  });
  const ran = await ended(child);
  return { ...ran, killed: ran.signal === 'SIGKILL', lastStep: lastStep(ran.stderr) };
}

function lastStep(text: string): string {
  const steps = [...text.matchAll(/ step=(\S+)/g)].map((match) => match[1] ?? '');
  return steps.at(-1) ?? '';
}
