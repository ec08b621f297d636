import { setTimeout as delay } from 'node:timers/promises';
import type { Ran } from '../e2e/support/federation.ts';
import type { Dice } from '../e2e/support/random.ts';
import type { Contest } from './contest.ts';
import type { Diary } from './diary.ts';
import type { Ledger } from './ledger.ts';
import type { ShareName, SoakMember } from './member.ts';

/** A directory with one writer at a time. */
export interface Plot {
  readonly share: ShareName;
  readonly name: string;
  /** Null while it is handed over: nobody writes. */
  owner: string | null;
  /** Who takes it as soon as its disk shows what the last owner has left. */
  heir: string;
}

/** What the actors of a soak share. */
export interface SoakWorld {
  readonly members: readonly SoakMember[];
  readonly plots: readonly Plot[];
  readonly ledger: Ledger;
  readonly contest: Contest;
  readonly diary: Diary;
  /** Aborts when everybody shall come to an end. */
  readonly over: AbortSignal;
}

/** How paths of a plot begin in the ledger. */
export function prefixOf({ share, name }: Plot): string {
  return `${share}/${name}/`;
}

/** Ends early when the soak is over. */
export async function rest(world: SoakWorld, ms: number): Promise<void> {
  await delay(ms, undefined, { signal: world.over }).catch(() => undefined);
}

const patienceMs = 300_000;

/** Runs a command to its end, or kills it at a random moment where `deadly`; null when it was killed. Anything that may not be is noted. */
export async function runCommand(
  world: SoakWorld,
  member: SoakMember,
  args: readonly string[],
  random: Dice,
  deadly: boolean,
): Promise<Ran | null> {
  const { diary } = world;
  const child = member.start(args);
  const killer = new AbortController();
  const killMs = deadly ? random.below(random.oneIn(3) ? 5000 : 1500) : patienceMs;
  void delay(killMs, undefined, { signal: killer.signal, ref: false })
    .then(() => {
      if (!deadly) diary.violation(`${member.name}: ${args.join(' ')} did not end within ${patienceMs / 1000} s`);
      child.kill('SIGKILL');
    })
    .catch(() => undefined);
  const ran = await member.endOf(child, args);
  killer.abort();
  if (ran.signal === 'SIGKILL') {
    noteKill(world, member, child.pid, args[0] ?? '');
    return null;
  }
  noteEnd(world, member, args, ran);
  return ran;
}

export function noteKill({ diary }: SoakWorld, member: SoakMember, pid: number | undefined, what: string): void {
  const step = member.lastStepOf(pid) || 'start';
  diary.count(`killed ${what}`);
  diary.count(`killed at ${step}`);
  diary.note(`${member.name}: kill -9 of ${what} [${pid}], last step ${step}`);
}

/** 0; 75 where the store was in trouble; 1 for what a cycle lists. Anything else is a broken promise. */
const mayBe = [0, 1, 75];

function noteEnd({ diary }: SoakWorld, member: SoakMember, args: readonly string[], ran: Ran): void {
  const what = args.join(' ').replace(/ --path .*/, ' --path');
  diary.count(`ended ${what}: ${ran.code}`);
  diary.note(`${member.name}: ${args.join(' ')}: ${ran.code} ${JSON.stringify(ran.stderr)}`);
  if (!mayBe.includes(ran.code ?? -1)) diary.violation(`${member.name}: ${args.join(' ')} ended with ${ran.code}: ${ran.stderr.trim()}`);
  noteLines({ diary }, member, ran.stderr);
}

export function noteLines({ diary }: Pick<SoakWorld, 'diary'>, member: SoakMember, stderr: string): void {
  for (const line of stderr.split('\n').filter((text) => text !== '')) {
    const code = /\(([a-z-]+)\)/.exec(line)?.[1] ?? line.replace(/^flocksync: \S+ /, '').slice(0, 60);
    diary.count(`told ${code}`);
    if (line.includes('internal error')) diary.violation(`${member.name}: ${line}`);
  }
}
