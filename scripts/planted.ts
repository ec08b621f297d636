import { parseArgs } from 'node:util';
import { plantedBugs, table, tryOut } from '../test/simulation/planted.ts';

// npx tsx scripts/planted.ts [NAME…]: plants each bug in a copy of the sources and lets the simulator find it within the seeds or crash points that its patch
// names; prints the table of docs/planted-bugs.md. With --search N it tries those from 1 to N instead. Exit 1 when a bug is not found.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { search: { type: 'string' } },
});

// Where nothing is named, somebody looks for it.
const bugs = plantedBugs().filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const all = Number(values.search ?? '0');
for (const bug of bugs) {
  const within = all === 0 ? bug.within : all;
  const started = performance.now();
  const { at, text } = await tryOut(bug, within);
  const took = `${((performance.now() - started) / 1000).toFixed(1)} s`;
  console.error(`${bug.name}: ${at === null ? `NOT FOUND in ${within} ${bug.way.by}` : `${at} ${bug.way.by}, ${took}: ${text}`}`);
  if (at === null) process.exitCode = 1;
}
console.log(table(bugs));
