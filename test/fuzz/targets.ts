import type { Target } from './target.ts';
import { configTargets } from './targets/configs.ts';
import { datasyncTargets } from './targets/datasync.ts';
import { diskTargets } from './targets/disks.ts';
import { foldTargets } from './targets/folds.ts';
import { recordTargets } from './targets/records.ts';
import { snapshotTargets } from './targets/snapshots.ts';
import { socketTargets } from './targets/sockets.ts';
import { textTargets } from './targets/texts.ts';

/** Everything that comes from a bucket, a config, or another process. */
export const targets: readonly Target[] = [
  ...recordTargets,
  ...snapshotTargets,
  ...foldTargets,
  ...textTargets,
  ...configTargets,
  ...socketTargets,
  ...datasyncTargets,
  ...diskTargets,
];
