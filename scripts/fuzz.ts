import { fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { attempt } from '../test/fuzz/attempt.ts';
import { targets } from '../test/fuzz/targets.ts';

// npm run fuzz -- [--minutes N] [--target PART-OF-A-NAME] [--seed N [--inputs N]]: tries random inputs on every reader of something from outside, and
// prints how many there were, the slowest of each kind, and what repeats a fault. Exit 1 when there was one.

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    target: { type: 'string', default: '' },
    seed: { type: 'string' },
    inputs: { type: 'string', default: '1' },
    'note-to': { type: 'string' },
  },
});
const chosen = targets.filter(({ name }) => name.includes(values.target));
/** Longer than any input may take: what hangs cannot be ended from inside. */
const hangMs = 30_000;
const faultsMax = 20;

interface Tally {
  inputs: number;
  slowestMs: number;
  slowestSeed: number;
}

async function tryAll(noteTo: string): Promise<number> {
  const note = openSync(noteTo, 'w');
  const tallies = new Map<string, Tally>(chosen.map(({ name }) => [name, { inputs: 0, slowestMs: 0, slowestSeed: 0 }]));
  const endMs = Date.now() + Number(values.minutes) * 60_000;
  const first = Number(values.seed ?? Date.now() % 2 ** 31);
  let faults = 0;
  for (let round = 0; faults < faultsMax && (values.seed === undefined ? Date.now() < endMs : round < Number(values.inputs)); round++) {
    for (const target of chosen) {
      // Each gets the share of time that it gets in CI.
      const inputs = values.seed === undefined ? Math.max(1, Math.round(target.inputs / 40)) : 1;
      for (let input = 0; input < inputs; input++) {
        const seed = first + round * inputs + input;
        writeSync(note, `${seed} ${target.name}\n`.padEnd(100), 0);
        const { fault, ms } = await attempt(target, seed);
        const tally = tallies.get(target.name) as Tally;
        tally.inputs++;
        if (ms > tally.slowestMs) Object.assign(tally, { slowestMs: ms, slowestSeed: seed });
        if (fault === null) continue;
        faults++;
        console.log(`FAULT: ${fault}`);
      }
    }
  }
  closeSync(note);
  report(tallies, faults);
  return faults;
}

function report(tallies: ReadonlyMap<string, Tally>, faults: number): void {
  const rows = [...tallies].map(([name, { inputs, slowestMs, slowestSeed }]) => {
    return `${name.padEnd(32)} ${String(inputs).padStart(9)}   slowest ${slowestMs.toFixed(1).padStart(7)} ms (seed ${slowestSeed})`;
  });
  console.log(rows.join('\n'));
  const sum = [...tallies.values()].reduce((all, { inputs }) => all + inputs, 0);
  console.log(`${sum} inputs, ${faults} faults`);
}

/** In a process of its own, so that an input that hangs is told with its number. */
function watch(): void {
  const room = mkdtempSync(join(tmpdir(), 'flocksync-fuzz-'));
  const noteTo = join(room, 'now');
  const child = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), '--note-to', noteTo]);
  let [last, sinceMs] = ['', Date.now()];
  const timer = setInterval(() => {
    const now = noted(noteTo);
    if (now !== last) [last, sinceMs] = [now, Date.now()];
    if (Date.now() - sinceMs < hangMs) return;
    console.log(`FAULT: it hangs at seed ${last}`);
    child.kill('SIGKILL');
  }, 500);
  child.once('exit', (code) => {
    clearInterval(timer);
    rmSync(room, { recursive: true, force: true });
    process.exitCode = code ?? 1;
  });
}

function noted(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

if (values['note-to'] === undefined) watch();
else process.exitCode = (await tryAll(values['note-to'])) > 0 ? 1 : 0;
