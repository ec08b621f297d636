import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { noteDamage, openOrSetAside } from '../../src/adapters/sqlite-rescue.ts';
import type { Member } from '../../src/agent/context.ts';
import type { Journal } from '../../src/ports/journal.ts';
import type { Chance } from './chance.ts';
import type { Process } from './process.ts';

const walHeaderBytes = 32;
const frameHeaderBytes = 24;
const pageBytes = 4096;
/** From this many frames on SQLite moves pages into the database, for which it flushes the WAL first. */
const checkpointFrames = 1000;

interface MemberFile {
  id: string;
  shares: Record<string, { shareId: string; cursor: number }>;
}

/** What of the WAL is safe: its salts name the WAL, `bytes` of it survive a power cut. */
interface Barrier {
  readonly salts: string;
  readonly bytes: number;
}

const nothingSafe: Barrier = { salts: '', bytes: 0 };

/** A state directory: a real SQLite journal, and the member's file. It goes through power cuts, copies, losses and damage. */
export class StateDirectory {
  readonly #home: string;
  #generation = 0;
  #barrier = nothingSafe;
  #member: MemberFile | null = null;
  /** What a power cut leaves of the member's file, whose rename was not flushed. */
  #durableMember: MemberFile | null = null;

  constructor(home: string) {
    this.#home = home;
    mkdirSync(home, { recursive: true });
  }

  get journalFile(): string {
    return join(this.#home, `webroot-${this.#generation}.journal`);
  }

  get scratchRoom(): string {
    return join(this.#home, 'scratch');
  }

  /** A journal that is not there costs milliseconds to make, so a new one is a copy of one that was made before. */
  open(process: Process, random: Chance, events: string[], onFlush: () => void, mortal: (what: string) => void): Journal {
    if (!existsSync(this.journalFile)) this.#begin();
    const journal = openOrSetAside(this.journalFile, random, events);
    process.onEnd(() => setImmediate(() => closeQuietly(journal)));
    return guarded(journal, process, mortal, () => {
      this.#noteFlush();
      onFlush();
    });
  }

  /** To look at; the caller closes it. */
  read(): Journal {
    return openJournal({ file: this.journalFile, readOnly: true });
  }

  memberFile(name: string, random: Chance, process: Process): Member {
    this.#member ??= { id: random.hex(16), shares: {} };
    const file = this.#member;
    return {
      get id() {
        return file.id;
      },
      name,
      renew: () => {
        process.assertAlive();
        file.id = random.hex(16);
      },
      lastKnown: (share) => file.shares[share],
      remember: (share, shareId, cursor) => {
        process.assertAlive();
        file.shares[share] = { shareId, cursor };
      },
    };
  }

  /** The machine loses its power: what was not flushed may be gone, the rest of the WAL from its end on. */
  powerCut(chance: Chance): void {
    const before = this.journalFile;
    const wal = `${before}-wal`;
    const bytes = sizeOf(wal);
    const safe = this.#barrier.salts === saltsOf(wal) ? this.#barrier.bytes : 0;
    const checkpointed = bytes >= walHeaderBytes + checkpointFrames * (frameHeaderBytes + pageBytes);
    const kept = checkpointed ? bytes : chance.maybe(0.5) ? safe : chance.between(safe, bytes);
    this.#moveOn();
    if (bytes > 0) truncateSync(`${this.journalFile}-wal`, Math.min(kept, sizeOf(`${this.journalFile}-wal`)));
    this.#barrier = { salts: saltsOf(`${this.journalFile}-wal`), bytes: sizeOf(`${this.journalFile}-wal`) };
    if (chance.maybe(0.5)) this.#member = structuredClone(this.#durableMember);
  }

  /** A process was killed: what it had not committed is gone, and its files stay as they are. */
  leave(): void {
    const known = this.#barrier.salts === saltsOf(`${this.journalFile}-wal`) ? this.#barrier.bytes : 0;
    this.#moveOn();
    this.#barrier = { salts: saltsOf(`${this.journalFile}-wal`), bytes: known };
  }

  /** A copy of everything, as an image of the machine has it. */
  copyTo(home: string): StateDirectory {
    const copy = new StateDirectory(home);
    copyJournal(this.journalFile, copy.journalFile);
    copy.#member = structuredClone(this.#member);
    copy.#durableMember = structuredClone(this.#member);
    return copy;
  }

  loseJournal(): void {
    this.#generation++;
    this.#barrier = nothingSafe;
  }

  loseEverything(): void {
    this.loseJournal();
    this.#member = null;
    this.#durableMember = null;
  }

  /** Some bytes in the middle of the database are others now. */
  damage(chance: Chance): void {
    this.leave();
    const bytes = existsSync(this.journalFile) ? readFileSync(this.journalFile) : Buffer.alloc(0);
    if (bytes.length < 8 * pageBytes) return;
    const at = pageBytes * chance.between(1, Math.floor(bytes.length / pageBytes) - 2);
    bytes.fill(0xa5, at, at + pageBytes);
    rmSync(`${this.journalFile}-wal`, { force: true });
    writeFileSync(this.journalFile, bytes);
  }

  /** Met in the middle of a cycle: the next opening sets the journal aside. */
  noteDamage(message: string): void {
    noteDamage(this.journalFile, message);
  }

  remove(): void {
    rmSync(this.#home, { recursive: true, force: true });
  }

  #begin(): void {
    writeFileSync(this.journalFile, emptyJournalOf(join(this.#home, 'empty.journal')));
  }

  #noteFlush(): void {
    const wal = `${this.journalFile}-wal`;
    this.#barrier = { salts: saltsOf(wal), bytes: sizeOf(wal) };
    this.#durableMember = structuredClone(this.#member);
  }

  /** Connections of dead processes keep the old files. */
  #moveOn(): void {
    const before = this.journalFile;
    this.#generation++;
    if (existsSync(before)) copyJournal(before, this.journalFile);
  }
}

function copyJournal(from: string, to: string): void {
  if (!existsSync(from)) return;
  copyFileSync(from, to);
  if (existsSync(`${from}-wal`)) copyFileSync(`${from}-wal`, `${to}-wal`);
}

let emptyJournal: Buffer | null = null;

/** Made once in a process; `file` is only for making it. */
function emptyJournalOf(file: string): Buffer {
  if (emptyJournal === null) {
    openJournal({ file }).close();
    emptyJournal = readFileSync(file);
  }
  return emptyJournal;
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** A WAL that was begun anew has other salts. */
function saltsOf(wal: string): string {
  if (sizeOf(wal) < walHeaderBytes) return '';
  const file = openSync(wal, 'r');
  const header = Buffer.alloc(walHeaderBytes);
  readSync(file, header, 0, walHeaderBytes, 0);
  closeSync(file);
  return header.toString('hex', 16, 24);
}

/** What writes to the journal; outside of a transaction each call is one of its own. */
const writes = /^(put|set|drop|clear|note|forget|distrust|settle|prune|approve|reset|keep|weigh|mark)[A-Z]/;

/** Calls of a dead process are no calls. Each transaction is a moment to die: right before, and right after it is committed. */
function guarded(journal: Journal, process: Process, mortal: (what: string) => void, onFlush: () => void): Journal {
  const calls = Object.entries(journal as unknown as Record<string, (...values: never[]) => unknown>);
  const made = Object.fromEntries(
    calls.map(([name, call]) => [
      name,
      (...values: never[]) => {
        process.assertAlive();
        if (depth === 0 && writes.test(name)) mortal(`alone ${name}`);
        return call(...values);
      },
    ]),
  ) as unknown as Journal;
  let depth = 0;
  const around = <T>(name: string, work: () => T): T => {
    process.assertAlive();
    if (depth === 0) mortal(`before ${name}`);
    depth++;
    try {
      return work();
    } finally {
      depth--;
    }
  };
  return {
    ...made,
    transaction: (work) => {
      const result = around('transaction', () => journal.transaction(work));
      if (depth === 0) mortal('after transaction');
      return result;
    },
    flush: () => {
      around('flush', () => journal.flush());
      onFlush();
      mortal('after flush');
    },
  };
}

function closeQuietly(journal: Journal): void {
  try {
    journal.close();
  } catch {
    // A statement that was being read when the process died keeps the file open until the garbage goes.
  }
}
