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
  if (limit === 'ENOMEM') return 'the system has no memory for more watches';
  if (limit === 'ENOSPC') return `the system allows a user ${limitNow('watches').value} watches, in all programs together`;
  return `the system allows a user ${limitNow('instances').value} programs that watch, or this one has too many files open`;
}

function fixOf(limit: Limit, needed: number): string {
  if (limit === 'ENOMEM') return 'Give the machine or its container more memory, or set mode: heavyweight.';
  const [name, value] =
    limit === 'ENOSPC' ? [limitNow('watches').name, watchesAdvised(needed)] : [limitNow('instances').name, instancesAdvised];
  const line = `${name}=${value}`;
  return `Run "sysctl -w ${line}" (in a container on its host), and put the line ${line} into /etc/sysctl.d/90-flocksync.conf; or set mode: heavyweight.`;
}

/** The next power of two with room for as much again. */
function watchesAdvised(needed: number): number {
  return Math.max(watchesAdvisedMin, 2 ** Math.ceil(Math.log2(needed * 2)));
}

/** A container may have a limit of its own, below the machine's. */
function limitNow(what: 'watches' | 'instances'): { readonly name: string; readonly value: number } {
  const all = [`fs.inotify.max_user_${what}`, `user.max_inotify_${what}`].map((name) => ({ name, value: settingOf(name) }));
  return all.reduce((least, each) => (each.value < least.value ? each : least));
}

function settingOf(name: string): number {
  try {
    return Number.parseInt(readFileSync(`/proc/sys/${name.replaceAll('.', '/')}`, 'latin1'), 10);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
