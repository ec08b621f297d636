// watch-setup.ts THREAD ROOT: watches a tree, and prints what that took, as one line of JSON.
import { setTimeout as pause } from 'node:timers/promises';
import { openWatcher, startThread } from '../../src/adapters/watch.ts';
import { round } from './measure.ts';
import { residentMiB } from './resident.ts';

const [thread = '', root = ''] = process.argv.slice(2);
const before = { rss: residentMiB(), cpu: process.cpuUsage(), ms: performance.now() };
const watcher = openWatcher(startThread(thread));
await new Promise<void>((resolve) => {
  const alive = setInterval(() => {}, 1000);
  const watch = watcher.watch({
    ...{ root, exclude: [] },
    onHint: async () => {
      const ms = performance.now() - before.ms;
      const { user, system } = process.cpuUsage(before.cpu);
      await pause(1000);
      const rssMiB = round(residentMiB() - before.rss);
      console.log(JSON.stringify({ ms: round(ms), cpuMs: (user + system) / 1000, standing: watch.standing, rssMiB }));
      clearInterval(alive);
      resolve();
    },
  });
});
await watcher.close();
