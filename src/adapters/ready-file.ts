import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { JournalFault } from '../ports/journal.ts';

/** What a load balancer looks for: the file stands while the share is ready here. */
export interface ReadyFile {
  /** Puts a complete file in place: one line of JSON with the record that is applied and the bucket's time, ms. */
  set(cursor: number, atMs: number): void;
  clear(): void;
}

/** Both calls throw `JournalFault` 'unusable' where the state directory refuses. */
export function openReadyFile(file: string): ReadyFile {
  return {
    set: (cursor, atMs) =>
      attempt(file, 'written', () => {
        const temporary = `${file}.new`;
        writeFileSync(temporary, `${JSON.stringify({ schema: 1, cursor, at: new Date(atMs).toISOString() })}\n`, { mode: 0o644 });
        renameSync(temporary, file);
      }),
    clear: () => attempt(file, 'removed', () => rmSync(file, { force: true })),
  };
}

/** For whoever asks in the load balancer's place. */
export function isMarkedReady(file: string): boolean {
  return existsSync(file);
}

function attempt(file: string, what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw new JournalFault('unusable', `${file} cannot be ${what}: ${error instanceof Error ? error.message : String(error)}.`, error);
  }
}
