import { median, need, type Run, round, run, seconds, tell } from './measure.ts';
import { member } from './members.ts';
import { copyOf, generatedTree, newDirectory } from './trees.ts';

const files = 100_000;
const rounds = 5;
const timesMax = 1.5;
const rssMaxMiB = 250;

/** A `sync` that has nothing to do on 100,000 files, beside rsync's dry run of the same tree against a copy; and what memory it takes. */
export async function idleSync(): Promise<boolean> {
  need('rsync', 'apt-get install rsync');
  const tree = generatedTree(files);
  const copy = copyOf(tree);
  const bucket = newDirectory('bucket');
  const sync = member('a', { url: `file://${bucket}` }, [tree])('sync');
  const first = await run(sync);
  // The second run reads once more what was looked at within the clock's tick of its creation.
  await run(sync);
  const own: Run[] = [];
  const theirs: Run[] = [];
  for (let at = 0; at < rounds; at++) {
    own.push(await run(sync));
    theirs.push(await run(['rsync', '-a', '--dry-run', `${tree}/`, `${copy}/`]));
  }
  const joined = await run(member('b', { url: `file://${bucket}` }, [newDirectory('b')])('sync'));
  const fast = compare(own, theirs);
  return tellMemory(first, own, joined) && fast;
}

function compare(own: readonly Run[], theirs: readonly Run[]): boolean {
  const [ownMs, theirMs] = [median(own.map((each) => each.wallMs)), median(theirs.map((each) => each.wallMs))];
  const times = ownMs / theirMs;
  tell('no-op on 100,000 files', `${seconds(ownMs)}, rsync --dry-run ${seconds(theirMs)}: ${times.toFixed(2)} times (goal ${timesMax})`, {
    ...{ wallMs: round(ownMs), rsyncMs: round(theirMs), ratio: round(times), goal: timesMax, reached: times <= timesMax },
    cpuMs: round(median(own.map((each) => each.cpuMs))),
  });
  return times <= timesMax;
}

function tellMemory(first: Run, idle: readonly Run[], joined: Run): boolean {
  const idleMiB = Math.max(...idle.map((each) => each.rssMiB));
  const peak = Math.max(first.rssMiB, joined.rssMiB, idleMiB);
  const [up, down] = [Math.round(first.rssMiB), Math.round(joined.rssMiB)];
  tell('memory, 100,000 files', `first sync ${up} MiB, joining ${down} MiB, no-op ${Math.round(idleMiB)} MiB (goal ${rssMaxMiB})`, {
    ...{ firstMiB: up, joiningMiB: down, idleMiB: round(idleMiB), goal: rssMaxMiB, reached: peak < rssMaxMiB },
    ...{ firstMs: round(first.wallMs), joiningMs: round(joined.wallMs) },
  });
  return peak < rssMaxMiB;
}
