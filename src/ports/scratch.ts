import type { Journal } from './journal.ts';

/** A file that grows at its end and is read anywhere. Both calls are synchronous, so that a transaction of the journal can use them. */
export interface ScratchFile {
  append(bytes: Buffer): void;
  /** Bytes so far. */
  readonly size: number;
  /** Exactly these bytes; throws RangeError beyond the end. */
  read(offset: number, length: number): Buffer;
}

/**
 * Room on this machine's disk for work that may be long and is thrown away. Nothing in it outlives the process for long: leftovers of
 * a killed run go when the next one takes room. Every method throws `JournalFault` 'unusable' when the disk refuses.
 */
export interface Scratch {
  file(): ScratchFile;
  /** An empty journal. */
  journal(): Journal;
  /** Closes and removes everything that was made here. */
  remove(): void;
}
