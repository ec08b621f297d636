import { createReadStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Datastore } from '../../src/ports/datastore.ts';
import { contentsInStore, payloadsIn } from '../e2e/support/kept.ts';
import { differences, snapshot } from '../e2e/support/tree.ts';
import { sightsBelow } from './content.ts';
import { type SoakMember, shareNames } from './member.ts';
import { prefixOf, type SoakWorld } from './world.ts';

const roundsMax = 8;

/** After the trouble: everybody syncs until all are equal, and then everything that was promised is looked for. */
export async function heal(world: SoakWorld, store: Datastore): Promise<void> {
  await becomeEqual(world);
  for (const member of world.members) {
    checkPlots(world, member);
    await checkConflicts(world, member);
    await checkStatus(world, member);
    await checkVerify(world, member);
    await countCycles(world, member);
  }
  world.diary.count('records', (await payloadsIn(store, 'webroot')).length);
  const kept = await contentsInStore(store, 'webroot');
  for (const line of world.contest.lost((hash) => kept.has(hash))) world.diary.violation(line);
}

/** Rounds of `sync` on all members until each is 0, silent, and all trees are equal: a bounded number of rounds. */
async function becomeEqual({ members, diary }: SoakWorld): Promise<void> {
  let unlike: string[] = [];
  for (let round = 1; round <= roundsMax; round++) {
    unlike = [];
    for (const member of members) {
      const { code, stdout, stderr } = await member.run(['sync']);
      if (code !== 0 || stdout + stderr !== '')
        unlike.push(`${member.name}: sync in round ${round} after the trouble: ${code} ${stdout}${stderr}`);
    }
    unlike.push(...unequal(members));
    diary.note(`healing, round ${round}: ${unlike.length} differences`);
    diary.count('rounds to heal');
    if (unlike.length === 0) return;
  }
  for (const line of unlike.slice(0, 20)) diary.violation(line);
}

function unequal(members: readonly SoakMember[]): string[] {
  const [first, ...others] = members as [SoakMember, ...SoakMember[]];
  return shareNames.flatMap((share) => {
    const tree = snapshot(first.root(share));
    return others.flatMap((other) =>
      differences(tree, snapshot(other.root(share))).map((line) => `${share}: ${first.name} and ${other.name} differ: ${line}`),
    );
  });
}

function checkPlots({ plots, ledger, diary }: SoakWorld, member: SoakMember): void {
  for (const plot of plots) {
    const sights = sightsBelow(join(member.root(plot.share), plot.name), prefixOf(plot)) ?? new Map();
    const { faults, verified } = ledger.finish(member.name, prefixOf(plot), sights);
    for (const fault of faults) diary.violation(fault);
    diary.count('verified', verified);
  }
}

/** Only where several wrote at once may there have been a conflict. */
async function checkConflicts({ diary }: SoakWorld, member: SoakMember): Promise<void> {
  const { code, stdout, stderr } = await member.run(['conflicts', '--json']);
  if (code !== 0) return diary.violation(`${member.name}: conflicts ended with ${code}: ${stderr}`);
  const { conflicts } = JSON.parse(stdout) as { conflicts: { share: string; path: string }[] };
  if (diary.of('conflicts') === 0) diary.count('conflicts', conflicts.length);
  for (const conflict of conflicts)
    if (conflict.share !== 'webroot' || !conflict.path.startsWith('contested'))
      diary.violation(`${member.name}: a conflict that nobody has caused: ${JSON.stringify(conflict)}`);
}

async function checkStatus({ diary }: SoakWorld, member: SoakMember): Promise<void> {
  const { code, stdout, stderr } = await member.run(['status', '--json']);
  if (code !== 0) return diary.violation(`${member.name}: status ended with ${code}: ${stdout}${stderr}`);
  const { shares } = JSON.parse(stdout) as {
    shares: { name: string; problems: unknown[]; holds: unknown[]; deviations: { paths: unknown[] } }[];
  };
  for (const { name, problems, holds, deviations } of shares) {
    const left = [...problems, ...holds, ...deviations.paths];
    if (left.length > 0) diary.violation(`${member.name}: ${name}: left over in status: ${JSON.stringify(left).slice(0, 1000)}`);
  }
}

async function checkVerify({ diary }: SoakWorld, member: SoakMember): Promise<void> {
  const { code, stdout, stderr } = await member.run(['verify']);
  if (code !== 0) diary.violation(`${member.name}: verify ended with ${code}: ${stdout}${stderr}`);
}

/** Looks at the log, one for each cycle. */
async function countCycles({ diary }: SoakWorld, member: SoakMember): Promise<void> {
  for await (const line of createInterface({ input: createReadStream(member.stepsFile) })) {
    if (line.includes('"step":"pull"')) diary.count('cycles');
  }
}

const objectBytesMax = 2 ** 30;

/** Everything below the federation, as a `file://` bucket would hold it. */
export async function dumpBucket(store: Datastore, directory: string): Promise<void> {
  let after: string | undefined;
  for (;;) {
    const { objects, truncated } = (await store.list('', after === undefined ? {} : { after })).value;
    for (const { key } of objects) {
      const got = (await store.get(key, { bytesMax: objectBytesMax })).value;
      const file = join(directory, 'soak', key);
      await mkdir(dirname(file), { recursive: true });
      if (got !== null) await writeFile(file, got.bytes);
    }
    after = objects.at(-1)?.key;
    if (!truncated || after === undefined) return;
  }
}
