import { type WatchEventType, watch } from 'node:fs';

export interface Listening {
  close(): void;
}

/**
 * `rename`: something may have come, gone or changed its kind; of a directory the kernel tells nothing else. `name` is the bytes of a
 * name in the directory, or `self`.
 */
export type Hear = (event: WatchEventType, name: string | null) => void;
/** One watch of the kernel on the directory that the descriptor holds, which may be closed afterwards. Throws the system's error. */
export type Listen = (fd: number, hear: Hear) => Listening;

/**
 * Stands for the watched directory: libuv names an event of its own by the last component of the path that it was given, and no child
 * can be called this.
 */
export const self = '.';

export const listenToDirectory: Listen = (fd, hear) => watch(`/proc/self/fd/${fd}/${self}`, { encoding: 'latin1' }, hear);

/** As `listenToDirectory`, for a file. */
export const listenToFile: Listen = (fd, hear) => watch(`/proc/self/fd/${fd}`, { encoding: 'latin1' }, hear);
