import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Tally } from '../test/simulation/tally.ts';
import { type SimulationResult, simulate } from '../test/simulation/world.ts';

/**
 * Runs seeds of the simulator: `simulate SEED [--seeds N] [--members M] [--operations K] [--trace] [--shrink]`. Ends with 1 when a promise
 * was broken, or when many seeds left a cell of the coverage table empty.
 */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...{ seeds: { type: 'string', default: '1' }, members: { type: 'string' }, operations: { type: 'string' } },
    ...{ trace: { type: 'boolean' }, shrink: { type: 'boolean' }, part: { type: 'boolean' }, verbose: { type: 'boolean', short: 'v' } },
  },
});
/** So many seeds must leave no cell of the coverage table empty. */
const seedsForCoverage = 2000;
const first = Number(positionals[0] ?? '1');
const count = Number(values.seeds);
const fixed = {
  ...(values.members === undefined ? {} : { members: Number(values.members) }),
  ...(values.operations === undefined ? {} : { operations: Number(values.operations) }),
};

if (values.part) await runPart();
else if (count === 1) await runOne();
else await runMany();

/** One seed, told in full. */
async function runOne(): Promise<void> {
  const result = await simulate({ seed: first, ...fixed, ...(values.trace ? { print: (line: string) => console.log(line) } : {}) });
  tell(result);
  if (result.violation !== null && values.shrink) await shrink(result);
  process.exitCode = result.violation === null ? 0 : 1;
}

/** Some of the seeds, for the process that has started this one: one line of JSON each. */
async function runPart(): Promise<void> {
  for (let seed = first; seed < first + count; seed++) console.log(JSON.stringify(await simulate({ seed, ...fixed })));
}

async function runMany(): Promise<void> {
  const tally = new Tally();
  const startedMs = performance.now();
  const processes = Math.min(availableParallelism(), count);
  const share = Math.ceil(count / processes);
  const parts = Array.from({ length: processes }, (_, index) => {
    const from = first + index * share;
    return runBeside(from, Math.min(share, first + count - from), (result) => {
      tally.add(result);
      if (values.verbose || result.violation !== null) tell(result);
      if (process.stderr.isTTY) process.stderr.write(`\r${tally.seeds} of ${count} seeds, ${tally.violations} broken promises `);
    });
  });
  await Promise.all(parts);
  console.log(`\n${tally.text(Math.round((performance.now() - startedMs) / 1000))}\n`);
  const missing = tally.coverage.missing();
  if (missing.length > 0) console.log(`never fired: ${missing.join(', ')}`);
  process.exitCode = tally.violations > 0 || (count >= seedsForCoverage && missing.length > 0) ? 1 : 0;
}

function runBeside(from: number, seeds: number, take: (result: SimulationResult) => void): Promise<void> {
  if (seeds <= 0) return Promise.resolve();
  const more = Object.entries(fixed).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(
    process.execPath,
    [...process.execArgv, fileURLToPath(import.meta.url), String(from), '--seeds', String(seeds), '--part', ...more],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) take(JSON.parse(line) as SimulationResult);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a process with seeds from ${from} on ended with ${code}`))));
  });
}

/** The least work after which the same seed still breaks a promise. */
async function shrink({ seed, operations }: SimulationResult): Promise<void> {
  for (let fewer = 1; fewer < operations; fewer++) {
    const result = await simulate({ seed, ...fixed, operations: fewer });
    if (result.violation === null) continue;
    console.log(`\nwith ${fewer} operations:`);
    tell(result);
    return;
  }
}

function tell({ seed, members, events, operations, records, counts, violation, traceHash }: SimulationResult): void {
  const what = `seed ${seed}: ${members} members, ${events} events, ${operations} operations, ${records} records, ${counts.cycles} cycles`;
  console.log(`${what}, trace ${traceHash.slice(0, 12)}: ${violation === null ? 'every promise kept' : 'BROKEN'}`);
  if (violation === null) return;
  const more = Object.entries(fixed).map(([name, value]) => ` --${name} ${value}`);
  if (count === 1) for (const line of violation.last.slice(-40)) console.log(`  ${line}`);
  console.log(`  ${violation.text}\n  at event ${violation.event}; again: npm run simulate -- ${seed}${more.join('')} --trace`);
  if (count === 1) console.log(violation.stack.split('\n').slice(1, 8).join('\n'));
}
