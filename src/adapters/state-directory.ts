import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../config-types.ts';
import { JournalFault } from '../ports/journal.ts';
import { makeDirectories } from './make-directories.ts';
import { socketFile } from './socket-place.ts';
import { hiddenFault, isJournalThere } from './sqlite-open.ts';
import { remainsOf } from './sqlite-rescue.ts';

/** Creates the state directory, 0700: journals hold copies of small files. Throws `JournalFault` 'unusable'. */
export function makeStateDirectory(config: Config): void {
  try {
    makeDirectories(config.state, 0o700);
  } catch (error) {
    throw new JournalFault(
      'unusable',
      `The state directory ${config.state} cannot be made: ${error instanceof Error ? error.message : String(error)}.`,
      error,
    );
  }
}

export function journalFile(config: Config, share: string): string {
  return join(config.state, `${share}.journal`);
}

export function lockFile(config: Config, share: string): string {
  return join(config.state, `${share}.lock`);
}

/** Where the process that looks after a share listens. */
export function shareSocket(config: Config, share: string): string {
  return socketFile(config.state, share);
}

/** Room for work of one share that is thrown away; whoever holds the share's lock owns it. */
export function scratchRoom(config: Config, share: string): string {
  return join(config.state, `${share}.scratch`);
}

/** Stands while the share is ready here, for a load balancer. */
export function readyFile(config: Config, share: string): string {
  return join(config.state, `${share}.ready`);
}

/** What the share last told in its status file, for the other shares that tell of themselves in the same one. */
export function statusPart(config: Config, share: string): string {
  return join(config.state, `${share}.status`);
}

/** Held while the command of `onChange` runs, which cycles do not wait for. */
export function callLockFile(config: Config, share: string): string {
  return join(config.state, `${share}.calling`);
}

/** What a running command of `onChange` is told of. */
export function pathsFile(config: Config, share: string): string {
  return join(config.state, `${share}.changed`);
}

/** A directory for the copy that a dry run works on, and its removal. */
export function scratchDirectory(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'flocksync-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Throws `JournalFault` 'unusable' where this user may not know. */
export function hasJournal(config: Config, share: string): boolean {
  return isJournalThere(journalFile(config, share));
}

/**
 * Removes journal, lock, socket, ready file, status and scratch room of a share, with what SQLite keeps beside them and what was set aside.
 * The caller holds the lock.
 */
export function removeShareState(config: Config, share: string): void {
  for (const file of remainsOf(journalFile(config, share))) rmSync(file, { force: true });
  for (const file of [journalFile, lockFile, callLockFile].map((of) => of(config, share))) {
    for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true });
  }
  rmSync(scratchRoom(config, share), { recursive: true, force: true });
  for (const file of [readyFile, statusPart, pathsFile, shareSocket]) rmSync(file(config, share), { force: true });
}

/** Shares that have a journal in the state directory, whatever the config says. Throws `JournalFault` 'unusable' where this user may not know. */
export function journalNames(config: Config): string[] {
  try {
    return readdirSync(config.state).flatMap((name) => (name.endsWith('.journal') ? [name.slice(0, -'.journal'.length)] : []));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw hiddenFault(`The state directory ${config.state}`, error);
  }
}
