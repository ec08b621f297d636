// Loaded into a daemon before its own code: at SIGUSR2 it collects garbage and notes what is left, one JSON line each time.
const { appendFileSync } = require('node:fs');
const { getHeapCodeStatistics } = require('node:v8');
const { isMainThread } = require('node:worker_threads');

if (isMainThread && process.env.MEMORY_PROBE !== undefined) {
  process.on('SIGUSR2', () => {
    globalThis.gc();
    globalThis.gc();
    const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage();
    const { code_and_metadata_size, bytecode_and_metadata_size } = getHeapCodeStatistics();
    const code = code_and_metadata_size + bytecode_and_metadata_size;
    appendFileSync(process.env.MEMORY_PROBE, `${JSON.stringify({ rss, heapUsed, external, arrayBuffers, code })}\n`);
  });
}
