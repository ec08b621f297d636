import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
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
  const contents = read(file) ?? { schema: 1 as const, id: random.hex(16), shares: {} };
  const save = () => {
    if (!temporary) write(file, merge(file, contents), random);
  };
  if (read(file) === null) save();
  return {
    get id() {
      return contents.id;
    },
    name,
    renew: () => {
      contents.id = random.hex(16);
      save();
    },
    lastKnown: (share) => contents.shares[share],
    remember: (share, shareId, cursor) => {
      const known = contents.shares[share];
      if (known?.shareId === shareId && known.cursor === cursor) return;
      contents.shares[share] = { shareId, cursor };
      save();
    },
    shareNames: () => Object.keys(contents.shares),
    forget: (share) => {
      const left = merge(file, contents);
      delete contents.shares[share];
      delete left.shares[share];
      if (!temporary) write(file, left, random);
    },
  };
}

/** Another process of this state may have moved other shares on meanwhile. */
function merge(file: string, contents: Contents): Contents {
  const standing = read(file);
  return { ...contents, shares: { ...(standing?.shares ?? {}), ...contents.shares } };
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

function write(file: string, contents: Contents, random: Random): void {
  const temporary = `${file}.${random.hex(4)}`;
  try {
    writeFlushed(temporary, `${JSON.stringify(contents, null, 2)}\n`);
    renameSync(temporary, file);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw new JournalFault('unusable', `${file} cannot be written: ${error instanceof Error ? error.message : String(error)}.`, error);
  }
}

function writeFlushed(file: string, text: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
