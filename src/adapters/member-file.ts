import { closeSync, fsyncSync, linkSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { JournalFault } from '../ports/journal.ts';
import type { Random } from '../ports/random.ts';

interface Contents {
  readonly schema: 1;
  id: string;
  shares: Record<string, { shareId: string; cursor: number }>;
}

/** `state/member.json`: this member's random id and, per share, the last flushed position, which outlives a lost journal (rule J3). */
export interface MemberFile {
  readonly id: string;
  readonly name: string;
  renew(): void;
  lastKnown(share: string): { readonly shareId: string; readonly cursor: number } | undefined;
  remember(share: string, shareId: string, cursor: number): void;
  forget(share: string): void;
  shareNames(): string[];
}

/**
 * Reads or creates the file; an unreadable one is replaced, since a new id is always safe. `temporary` members are never written
 * (dry runs, status). Throws `JournalFault` 'unusable' where the file cannot be written.
 */
export function openMember(state: string, name: string, random: Random, { temporary = false } = {}): MemberFile {
  const file = join(state, 'member.json');
  const fresh: Contents = { schema: 1, id: random.hex(16), shares: {} };
  const contents = read(file) ?? (temporary ? fresh : create(file, fresh));
  const save = () => {
    if (!temporary) replace(file, merge(file, contents));
  };
  return {
    get id() {
      return contents.id;
    },
    name,
    renew: () => {
      const id = random.hex(16);
      if (!temporary) replace(file, { ...merge(file, contents), id });
      // Last: merging takes over the id that stands in the file.
      contents.id = id;
    },
    lastKnown: (share) => known(contents, share),
    remember: (share, shareId, cursor) => {
      const before = known(contents, share);
      if (before?.shareId === shareId && before.cursor === cursor) return;
      contents.shares[share] = { shareId, cursor };
      save();
    },
    shareNames: () => Object.keys(contents.shares),
    forget: (share) => {
      const left = merge(file, contents);
      delete contents.shares[share];
      delete left.shares[share];
      if (!temporary) replace(file, left);
    },
  };
}

/** A share may be called `constructor`. */
function known({ shares }: Contents, share: string): { shareId: string; cursor: number } | undefined {
  return Object.hasOwn(shares, share) ? shares[share] : undefined;
}

/** Another process of this state may have moved other shares on meanwhile, or may have taken a new id for all of them. */
function merge(file: string, contents: Contents): Contents {
  const standing = read(file);
  contents.id = standing?.id ?? contents.id;
  return { ...contents, shares: { ...(standing?.shares ?? {}), ...contents.shares } };
}

/** Of several processes that start with an empty state directory one names the member; a file that cannot be read is replaced. */
function create(file: string, fresh: Contents): Contents {
  return written(file, fresh, (temporary) => {
    try {
      linkSync(temporary, file);
    } catch (error) {
      const others = (error as NodeJS.ErrnoException).code === 'EEXIST' ? read(file) : null;
      if (others !== null) return others;
      renameSync(temporary, file);
    }
    return fresh;
  });
}

function replace(file: string, contents: Contents): void {
  written(file, contents, (temporary) => renameSync(temporary, file));
}

function read(file: string): Contents | null {
  try {
    const json = JSON.parse(readFileSync(file, 'utf8')) as Partial<Contents>;
    const usable = json.schema === 1 && typeof json.id === 'string' && /^[0-9a-f]{32}$/.test(json.id);
    return usable ? { schema: 1, id: json.id as string, shares: readShares(json.shares) } : null;
  } catch {
    return null;
  }
}

function readShares(json: unknown): Contents['shares'] {
  const shares: Contents['shares'] = {};
  if (typeof json !== 'object' || json === null) return shares;
  for (const [name, value] of Object.entries(json as Record<string, { shareId?: unknown; cursor?: unknown }>)) {
    if (typeof value?.shareId === 'string' && Number.isSafeInteger(value.cursor)) {
      shares[name] = { shareId: value.shareId, cursor: value.cursor as number };
    }
  }
  return shares;
}

/** Puts a complete, flushed file in place. Its temporary name carries the process, so that what a killed one left can be told. */
function written<T>(file: string, contents: Contents, put: (temporary: string) => T): T {
  const temporary = `${file}.${process.pid}`;
  try {
    writeFlushed(temporary, `${JSON.stringify(contents, null, 2)}\n`);
    const result = put(temporary);
    sweep(file);
    return result;
  } catch (error) {
    throw new JournalFault('unusable', `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`, error);
  } finally {
    discard(temporary);
  }
}

/** What cannot be removed now is swept later. */
function discard(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // The write itself says what is wrong with the directory.
  }
}

/** Removes what killed processes left. */
function sweep(file: string): void {
  for (const name of readdirSync(dirname(file))) {
    const pid = name.startsWith(`${basename(file)}.`) ? Number(name.slice(basename(file).length + 1)) : Number.NaN;
    if (Number.isSafeInteger(pid) && pid !== process.pid && !isAlive(pid)) rmSync(join(dirname(file), name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

function writeFlushed(file: string, text: string): void {
  const descriptor = openSync(file, 'w', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
