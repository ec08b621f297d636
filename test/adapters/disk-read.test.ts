import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type FilingCodec, openCodec } from '../../src/adapters/codec.ts';
import { reading } from '../contract/share-tree/reading.ts';
import { realKind } from '../contract/share-tree/real-ground.ts';
import { builtThread } from './thread-fixture.ts';

const directory = mkdtempSync(join(tmpdir(), 'flocksync-thread-'));
let codec: FilingCodec;

beforeAll(async () => {
  codec = openCodec(await builtThread(directory));
  // A thread that runs is asked even for a few files.
  await codec.encode([Buffer.alloc(2 * 1024 * 1024)]);
});
afterAll(async () => {
  await codec.close();
  rmSync(directory, { recursive: true, force: true });
});

reading(realKind({ name: 'in a thread of its own', read: () => codec.read }));
