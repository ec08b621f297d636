import { setTimeout as delay } from 'node:timers/promises';
import type { Ran } from '../e2e/support/federation.ts';
import type { Dice } from '../e2e/support/random.ts';
import type { SoakMember } from './member.ts';
import { noteKill, noteLines, rest, runCommand, type SoakWorld } from './world.ts';

/** A member's agent through all its lives: a daemon, or what cron starts, in one mode or the other; ended by kill -9 most times. */
export async function agent(world: SoakWorld, member: SoakMember, random: Dice): Promise<void> {
  // However short a soak is, everybody is killed once.
  member.configure(random);
  await daemonLife(world, member, { lastsMs: 2000 + random.below(4000), polite: false });
  await rest(world, random.below(1000));
  while (!world.over.aborted) {
    member.configure(random);
    const lastsMs = 2000 + random.below(random.oneIn(3) ? 40_000 : 12_000);
    if (random.oneIn(3)) await cronLife(world, member, random, lastsMs);
    else await daemonLife(world, member, { lastsMs, polite: random.oneIn(4) });
    await rest(world, random.below(3000));
  }
}

const drainMs = 15_000;

interface Life {
  readonly lastsMs: number;
  /** Ended by SIGTERM, not by kill -9. */
  readonly polite: boolean;
}

async function daemonLife(world: SoakWorld, member: SoakMember, { lastsMs, polite }: Life): Promise<void> {
  const { diary } = world;
  const child = member.start(['run']);
  const end = member.endOf(child, ['run']);
  diary.count('daemons');
  const early = await Promise.race([end, rest(world, lastsMs)]);
  if (early !== undefined) {
    diary.violation(`${member.name}: the daemon ended by itself with ${early.signal ?? early.code}: ${early.stderr.slice(-500)}`);
    return;
  }
  const isPolite = world.over.aborted || polite;
  child.kill(isPolite ? 'SIGTERM' : 'SIGKILL');
  const ran = await Promise.race([end, delay(drainMs, undefined, { ref: false })]);
  if (ran === undefined) {
    diary.violation(`${member.name}: the daemon was not gone ${drainMs / 1000} s after SIGTERM`);
    child.kill('SIGKILL');
    return;
  }
  noteLines(world, member, ran.stderr);
  if (!isPolite) noteKill(world, member, child.pid, 'run');
  else if (ran.code !== 0 && !isUnborn(member, child.pid, ran))
    diary.violation(`${member.name}: the daemon ended with ${ran.signal ?? ran.code} after SIGTERM: ${ran.stderr.slice(-500)}`);
}

/** SIGTERM came before the program could listen for it: nothing was begun. */
function isUnborn(member: SoakMember, pid: number | undefined, { signal, stderr }: Ran): boolean {
  return signal === 'SIGTERM' && stderr === '' && member.lastStepOf(pid) === '';
}

/** What cron starts every few seconds; it leaves at once where another one is at work. */
async function cronLife(world: SoakWorld, member: SoakMember, random: Dice, lastsMs: number): Promise<void> {
  world.diary.count('lives by cron');
  const endsMs = performance.now() + lastsMs;
  while (!world.over.aborted && performance.now() < endsMs) {
    await runCommand(world, member, ['sync', '--no-wait'], random, random.oneIn(5));
    await rest(world, 500 + random.below(2500));
  }
}

const chores = [
  ['housekeep'],
  ['housekeep'],
  ['status', '--json'],
  ['sync', '-n'],
  ['verify', '--sample', '30%'],
  ['conflicts', '--json'],
  ['log', '--json'],
] as const;

/** What administrators and their scripts run beside it all. */
export async function administrator(world: SoakWorld, random: Dice): Promise<void> {
  while (!world.over.aborted) {
    await rest(world, 2000 + random.below(8000));
    if (world.over.aborted) return;
    const member = random.pick(world.members);
    const args = random.pick(chores);
    const ran = await runCommand(world, member, args, random, random.oneIn(4));
    // A verify says 75 where it could not look; what it does say is so.
    if (args[0] === 'verify' && ran?.code === 1) world.diary.violation(`${member.name}: verify found flaws: ${ran.stdout}${ran.stderr}`);
  }
}
