import { parseArgs } from 'node:util';
import { plantedBugs, table, tryOut } from '../test/simulation/planted.ts';

// npx tsx scripts/planted.ts [NAME…]: plants each bug in a copy of the sources and lets the simulator find it within the seeds that its patch names; prints the
// table of docs/planted-bugs.md. With --search N it tries the seeds from 1 to N instead. Exit 1 when a bug is not found.

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { search: { type: 'string' } },
});

// Where no seed is named, somebody looks for one.
const bugs = plantedBugs().filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const all = Number(values.search ?? '0');
const found = [];
for (const bug of bugs) {
  const seeds = all === 0 ? bug.within : all;
  const result = await tryOut(bug, seeds);
  console.error(`${bug.name}: ${result.seed === null ? `NOT FOUND in ${seeds} seeds` : `seed ${result.seed}: ${result.text}`}`);
  found.push({ bug, result });
  if (result.seed === null) process.exitCode = 1;
}
console.log(table(found.map(({ bug }) => bug)));
