// The figures that we hold ourselves to, beside rsync, rclone, lsyncd and aws in the same run: npm run bench [-- transfer bootstrap snapshot idle-sync idle-poll latency watch]
import { bootstrap } from './bench/bootstrap.ts';
import { burst } from './bench/burst.ts';
import { idleCost } from './bench/idle-cost.ts';
import { idlePoll } from './bench/idle-poll.ts';
import { idleSync } from './bench/idle-sync.ts';
import { latency } from './bench/latency.ts';
import { need } from './bench/measure.ts';
import { memory } from './bench/memory.ts';
import { snapshot } from './bench/snapshot.ts';
import { transfer } from './bench/transfer.ts';
import { removeAll } from './bench/trees.ts';
import { watch } from './bench/watch.ts';
import { year } from './bench/year.ts';

const benches = {
  'idle-sync': idleSync,
  'idle-poll': idlePoll,
  latency,
  'idle-cost': idleCost,
  transfer,
  burst,
  bootstrap,
  snapshot,
  memory,
  watch,
  year,
};
const names = Object.keys(benches) as (keyof typeof benches)[];
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !names.some((known) => known === name));

try {
  if (unknown.length > 0) throw new Error(`there is no bench "${unknown.join(', ')}"; there are: ${names.join(', ')}`);
  need('/usr/bin/time', 'apt-get install time');
  const missed: string[] = [];
  for (const name of names) if ((asked.length === 0 || asked.includes(name)) && !(await benches[name]())) missed.push(name);
  if (missed.length > 0) console.log(`not reached: ${missed.join(', ')}`);
  process.exitCode = missed.length > 0 ? 1 : 0;
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
} finally {
  removeAll();
}
