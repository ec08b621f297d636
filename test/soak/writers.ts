import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { editOnce } from '../e2e/support/edits.ts';
import type { Dice } from '../e2e/support/random.ts';
import { sightsBelow } from './content.ts';
import type { Sights } from './ledger.ts';
import { type SoakMember, shareNames } from './member.ts';
import { type Plot, prefixOf, rest, runCommand, type SoakWorld } from './world.ts';

/** Whoever works on a member's disk: edits what is its own, fights over what is not, and runs `sync` until its work is acknowledged. */
export async function writer(world: SoakWorld, member: SoakMember, random: Dice): Promise<void> {
  // What only this member has before it joined would go to its trash, rightly.
  while (!world.over.aborted && (await runCommand(world, member, ['sync'], random, false))?.code !== 0) await rest(world, 1000);
  for (let turn = 0; !world.over.aborted; turn++) {
    for (const plot of world.plots) if (plot.owner === member.name && random.oneIn(2)) work(world, member, plot, random);
    if (random.oneIn(2)) fight(world, member, turn, random);
    await rest(world, random.below(300));
    await publish(world, member, random);
    if (random.oneIn(3)) bequeath(world, member, random);
    await rest(world, random.below(700));
  }
}

function look(member: SoakMember, plot: Plot): Sights {
  const sights = sightsBelow(join(member.root(plot.share), plot.name), prefixOf(plot));
  if (sights === null) throw new Error(`${member.name}: somebody else writes in ${prefixOf(plot)}`);
  return sights;
}

/** What a disk shows of a plot against what its writers have left there; one line for each path that differs. */
function differing(world: SoakWorld, member: SoakMember, plot: Plot): string[] {
  const [is, wanted] = [look(member, plot), world.ledger.expected(prefixOf(plot))];
  const paths = [...new Set([...is.keys(), ...wanted.keys()])].filter((path) => is.get(path) !== wanted.get(path));
  return paths.map((path) => `${JSON.stringify(path)} is "${is.get(path) ?? 'absent'}", not "${wanted.get(path) ?? 'absent'}"`);
}

const largeBytes = 8 * 1024 * 1024;

/** Some random edits, each entered into the manifest before anybody can have seen it. */
export function work(world: SoakWorld, member: SoakMember, plot: Plot, random: Dice, edits = 1 + random.below(5)): void {
  const root = join(member.root(plot.share), plot.name);
  for (const line of differing(world, member, plot)) world.diary.violation(`${member.name}: changed behind its only writer: ${line}`);
  for (; edits > 0; edits--) {
    const before = look(member, plot);
    const told = plot.share === 'webroot' && random.oneIn(40) ? writeLarge(root, random) : editOnce(root, random);
    world.diary.count('edits');
    world.diary.count('changed paths', world.ledger.wrote(before, look(member, plot)));
    world.diary.note(`${member.name}: ${prefixOf(plot)}: ${JSON.stringify(told)}`);
  }
}

/** In several parts and chunks; a part of it is what was there before. */
function writeLarge(root: string, random: Dice): string {
  const content = Buffer.alloc(largeBytes + random.below(largeBytes), String(random.below(3)));
  content.write(String(random.below(2 ** 31)), random.below(content.length - 20));
  rmSync(join(root, 'large'), { recursive: true, force: true });
  writeFileSync(join(root, 'large'), content);
  return 'write large';
}

const contestedPaths = ['contested/a', 'contested/b', 'contested/c', 'contested/d'];

function fight(world: SoakWorld, member: SoakMember, turn: number, random: Dice): void {
  const path = random.pick(contestedPaths);
  mkdirSync(join(member.root('webroot'), 'contested'), { recursive: true });
  const full = join(member.root('webroot'), path);
  if (random.oneIn(6)) {
    rmSync(full, { force: true });
    world.diary.note(`${member.name}: rm ${path}`);
    return;
  }
  const content = `${member.name} in turn ${turn}, ${random.below(2 ** 31)} `.repeat(1 + random.below(200));
  writeFileSync(full, content);
  world.contest.wrote(member.name, path, hashOf(content));
  world.diary.count('contested writes');
  world.diary.note(`${member.name}: ${path}: ${hashOf(content).slice(0, 12)}`);
}

function hashOf(content: Buffer | string): string {
  return createHash('sha256').update(content).digest('hex');
}

function hashAt(member: SoakMember, path: string): string | null {
  try {
    return hashOf(readFileSync(join(member.root('webroot'), path)));
  } catch {
    return null;
  }
}

/** A `sync` of all shares, of one, of one plot, or of this half alone; what was there when it began is acknowledged by 0. */
async function publish(world: SoakWorld, member: SoakMember, random: Dice): Promise<void> {
  const own = world.plots.filter((plot) => plot.owner === member.name);
  const heritage = world.plots.filter((plot) => plot.owner === null && plot.heir === member.name);
  const share = random.pick(shareNames);
  const plot = own.length === 0 ? undefined : random.pick(own);
  const [args, covers] = random.pick([
    [['sync'], () => true],
    [['sync'], () => true],
    [['sync', share], (path: string) => path.startsWith(`${share}/`)],
    [['sync', '--only', 'publish'], () => true],
    plot === undefined
      ? [['sync'], () => true]
      : [['sync', '--path', join(member.root(plot.share), plot.name)], (path: string) => path.startsWith(prefixOf(plot))],
  ] as [string[], (path: string) => boolean][]);
  const marks = own.filter((each) => covers(prefixOf(each))).map((each) => world.ledger.mark(prefixOf(each)));
  const standing = covers('webroot/contested/') ? world.contest.standing(member.name, (path) => hashAt(member, path)) : [];
  const ran = await runCommand(world, member, args, random, random.oneIn(5));
  if (ran?.code !== 0) return;
  for (const mark of marks) world.ledger.acknowledge(mark);
  world.contest.acknowledge(standing);
  if (args.length === 1) for (const each of heritage) inherit(world, member, each);
}

/** Gives plots away whose state is acknowledged: somebody else goes on with them. */
export function bequeath(world: SoakWorld, member: SoakMember, random: Dice, most = 1): void {
  const own = world.plots.filter((plot) => plot.owner === member.name && world.ledger.isAcknowledged(prefixOf(plot)));
  for (const plot of random.shuffled(own).slice(0, most)) {
    plot.heir = random.pick(world.members.filter((each) => each !== member)).name;
    plot.owner = null;
    world.ledger.caughtUp(member.name, prefixOf(plot));
  }
}

/** A whole `sync` that began after the bequest has returned 0: everything in the log is here. */
function inherit(world: SoakWorld, member: SoakMember, plot: Plot): void {
  const prefix = prefixOf(plot);
  for (const line of differing(world, member, plot)) world.diary.violation(`${member.name}: after a sync that returned 0, ${line}`);
  plot.owner = member.name;
  world.ledger.caughtUp(member.name, prefix);
  world.diary.count('handed over');
  world.diary.note(`${member.name}: goes on with ${prefix}`);
}

/** Looks at the disks of those who do not write there: complete versions only, and never an older one than before. */
export async function reader(world: SoakWorld, random: Dice): Promise<void> {
  while (!world.over.aborted) {
    await rest(world, 100 + random.below(300));
    const [member, plot] = [random.pick(world.members), random.pick(world.plots)];
    if (plot.owner === member.name) continue;
    const sights = sightsBelow(join(member.root(plot.share), plot.name), prefixOf(plot));
    if (sights === null) continue;
    for (const fault of world.ledger.observe(member.name, prefixOf(plot), sights)) world.diary.violation(fault);
  }
}
