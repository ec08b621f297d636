import { parentPort } from 'node:worker_threads';
import { serveWatches } from './watch-serve.ts';

const serve = serveWatches((report) => parentPort?.postMessage(report));
parentPort?.on('message', serve);
