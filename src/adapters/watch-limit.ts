import { readFileSync } from 'node:fs';
import type { WatchTrouble } from '../ports/watch.ts';

/** ENOSPC: max_user_watches. EMFILE: max_user_instances, or no descriptor is left. ENOMEM: no kernel memory is left for a watch. */
const limits = ['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM'] as const;
export type Limit = (typeof limits)[number];

const instancesAdvised = 1024;
/** Other programs of the user count too. */
const watchesAdvisedMin = 524_288;

export function limitOf(errno: string): Limit | null {
  return limits.find((limit) => limit === errno) ?? null;
}

/** `needed`: directories of this share. */
export function limitTrouble(limit: Limit, standing: number, needed: number): WatchTrouble {
  const seen = `only ${standing} of ${needed} directories are watched`;
  const later = 'changes in the others are found later, by looking at everything';
  return { code: 'watch-limit', text: `${seen}: ${causeOf(limit)}; ${later}`, fix: fixOf(limit, needed) };
}

function causeOf(limit: Limit): string {
  if (limit === 'ENOSPC') return `the system allows each user ${setting('max_user_watches')} watches, in all programs together`;
  if (limit === 'ENOMEM') return 'the system has no memory for more watches';
  return `the system allows each user ${setting('max_user_instances')} programs that watch, or this one has too many files open`;
}

function fixOf(limit: Limit, needed: number): string {
  if (limit === 'ENOMEM') return 'give the machine or its container more memory';
  const [name, value] = limit === 'ENOSPC' ? ['max_user_watches', watchesAdvised(needed)] : ['max_user_instances', instancesAdvised];
  const line = `fs.inotify.${name}=${value}`;
  return `run (on the host, where this is a container) "sysctl -w ${line}", and put the line ${line} into /etc/sysctl.d/90-flocksync.conf`;
}

/** The next power of two with room for as much again. */
function watchesAdvised(needed: number): number {
  return Math.max(watchesAdvisedMin, 2 ** Math.ceil(Math.log2(needed * 2)));
}

function setting(name: string): string {
  try {
    return readFileSync(`/proc/sys/fs/inotify/${name}`, 'latin1').trim();
  } catch {
    return 'only so many';
  }
}
