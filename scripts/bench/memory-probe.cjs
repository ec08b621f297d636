// Loaded into a daemon before its own code: at SIGUSR2 it collects garbage and notes what is left, one JSON line each time. With
// MEMORY_HEAP it also writes heap snapshots of that name at the samples of MEMORY_HEAP_AT ("30,100"), for npm run heap-diff.
const { appendFileSync } = require('node:fs');
const { getHeapCodeStatistics, writeHeapSnapshot } = require('node:v8');
const { isMainThread } = require('node:worker_threads');

if (isMainThread && process.env.MEMORY_PROBE !== undefined) {
  const snapshotsAt = (process.env.MEMORY_HEAP_AT ?? '').split(',');
  let samples = 0;
  process.on('SIGUSR2', () => {
    globalThis.gc();
    globalThis.gc();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    const { code_and_metadata_size, bytecode_and_metadata_size } = getHeapCodeStatistics();
    const code = code_and_metadata_size + bytecode_and_metadata_size;
    samples += 1;
    if (snapshotsAt.includes(String(samples))) writeHeapSnapshot(`${process.env.MEMORY_HEAP}-${samples}.heapsnapshot`);
    appendFileSync(process.env.MEMORY_PROBE, `${JSON.stringify({ rss, heapUsed, external, arrayBuffers, code })}\n`);
  });
}
