// What has grown between two heap snapshots of one process, and who holds it: npm run heap-diff -- BEFORE AFTER [ROWS]
import { growthOf, holdersOf } from './heap/growth.ts';
import { readHeap } from './heap/snapshot.ts';

const [beforeFile, afterFile, rowsText = '15'] = process.argv.slice(2);
const rows = Number(rowsText);
const [stepsMax, waysMax] = [6, 3];

try {
  if (afterFile === undefined || beforeFile === undefined || !(rows >= 1)) {
    throw new Error('usage: npm run heap-diff -- BEFORE.heapsnapshot AFTER.heapsnapshot [ROWS]');
  }
  const [before, after] = [readHeap(beforeFile), readHeap(afterFile)];
  const grown = growthOf(before, after);
  const all = grown.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(`${all} bytes more in ${after.count - before.count} objects more`);
  for (const growth of grown.slice(0, rows).filter(({ bytes }) => bytes > 0)) {
    console.log(`${String(growth.bytes).padStart(12)} bytes ${String(growth.objects).padStart(8)} objects  ${growth.group}`);
    for (const { path, objects } of holdersOf(after, growth, stepsMax).slice(0, waysMax))
      console.log(`${' '.repeat(14)}${objects} new by ${path}`);
  }
} catch (error) {
  console.error(`heap-diff: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 2;
}
