import { describe } from 'vitest';
import { listing } from './share-tree/listing.ts';
import { making } from './share-tree/making.ts';
import { memoryKind } from './share-tree/memory-ground.ts';
import { placing } from './share-tree/placing.ts';
import { previewing } from './share-tree/previewing.ts';
import { reading } from './share-tree/reading.ts';
import { realKind } from './share-tree/real-ground.ts';
import { staging } from './share-tree/staging.ts';
import { trees } from './share-tree/trees.ts';
import { walking } from './share-tree/walking.ts';

// The simulator stands on a disk in memory: what holds for the product's own adapter holds there as well, or its findings mean nothing.
describe.each([realKind(), memoryKind])('share tree contract', (kind) => {
  for (const group of [listing, reading, walking, staging, placing, trees, making, previewing]) group(kind);
});
