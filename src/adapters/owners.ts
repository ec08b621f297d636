import { readFileSync, statSync } from 'node:fs';
import type { Owners } from '../ports/filesystem.ts';
import type { Time } from '../ports/time.ts';

export interface OwnerSources {
  readonly passwdFile: string;
  readonly groupFile: string;
  /** Whether this process may give files away. */
  readonly privileged: boolean;
  readonly time: Pick<Time, 'monotonicMs'>;
}

/** A look for a newer file costs a system call; names change rarely, and a scan asks 100,000 times. */
const lookAgainMs = 1000;

/** Largest id of Linux; 2^32-1 means "leave unchanged" to chown(2). */
const idMax = 4_294_967_294;

/** The machine's users and groups; `time` decides only how often the files are looked at. */
export function systemOwners(time: Pick<Time, 'monotonicMs'>): Owners {
  return createOwners({ passwdFile: '/etc/passwd', groupFile: '/etc/group', privileged: process.getuid?.() === 0, time });
}

/**
 * Names from the files only: a directory service (LDAP) would need a native call, its users and groups travel as decimal ids.
 * An unknown id is its decimal text, and that text is an id again, whether or not this machine knows a name for it.
 */
export function createOwners(sources: OwnerSources): Owners {
  const users = createTable(sources.passwdFile, sources.time);
  const groups = createTable(sources.groupFile, sources.time);
  return {
    privileged: sources.privileged,
    userName: (uid) => users().names.get(uid) ?? String(uid),
    groupName: (gid) => groups().names.get(gid) ?? String(gid),
    userId: (name) => users().ids.get(name) ?? decimalId(name),
    groupId: (name) => groups().ids.get(name) ?? decimalId(name),
  };
}

interface Table {
  readonly names: ReadonlyMap<number, string>;
  readonly ids: ReadonlyMap<string, number>;
}

/** Keeps the last good table: a passwd file is replaced by rename, and a moment without one must not change every owner. */
function createTable(file: string, time: Pick<Time, 'monotonicMs'>): () => Table {
  let table: Table = { names: new Map(), ids: new Map() };
  let stamp = '';
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = time.monotonicMs();
    if (now - lookedAt < lookAgainMs) return table;
    lookedAt = now;
    const found = stampOf(file);
    if (found !== undefined && found !== stamp) {
      table = parseTable(readFileSync(file, 'utf8'));
      stamp = found;
    }
    return table;
  };
}

function stampOf(file: string): string | undefined {
  const stat = statSync(file, { throwIfNoEntry: false });
  return stat === undefined ? undefined : `${stat.ino} ${stat.size} ${stat.mtimeMs} ${stat.ctimeMs}`;
}

/** `name:password:id:…` lines; of two lines with one name or id the first counts, as in the C library. */
function parseTable(text: string): Table {
  const names = new Map<number, string>();
  const ids = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name = '', , idText = ''] = line.split(':');
    const id = decimalId(idText);
    if (name === '' || name.startsWith('#') || /^[+-]/.test(name) || id === undefined) continue;
    if (!names.has(id)) names.set(id, name);
    if (!ids.has(name)) ids.set(name, id);
  }
  return { names, ids };
}

function decimalId(text: string): number | undefined {
  const id = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  return id <= idMax ? id : undefined;
}
