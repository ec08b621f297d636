import { openShareTree } from '../../adapters/disk.ts';
import { compileExcludes } from '../../adapters/excludes.ts';
import { statusExcludes } from '../../adapters/status-exclude.ts';
import { aliveMs, goneMs } from '../../agent/members.ts';
import type { World } from '../../compose.ts';
import type { ShareConfig } from '../../config-types.ts';
import { ancestorsOf, type BytePath } from '../../model/path.ts';
import { DiskFault, type PreciseStat } from '../../ports/filesystem.ts';
import type { Agreed, Journal, VersionRow, Want } from '../../ports/journal.ts';
import { storedPath } from '../path-argument.ts';
import { readJournal } from '../shares.ts';
import type { ShareStatus } from '../status-look.ts';
import { progressOf } from '../wait.ts';
import type { Sight } from './looks.ts';

const versionsShown = 100;

/** How one member is about the newest version of a path. */
export interface Reached {
  readonly name: string;
  readonly isSelf: boolean;
  readonly state: 'has' | 'lagging' | 'silent';
  readonly appliedTo: number;
  readonly why: string;
  readonly agoMs: number;
}

/** Where one path stands. */
export interface Trace {
  readonly share: string;
  readonly path: BytePath;
  /** Of this disk: as the log says, something newer that is not in the log, left out by the config, or not to be read. */
  readonly here: 'agreed' | 'waiting' | 'unpublished' | 'excluded' | 'unreadable';
  /** Of `here`, as a clause; '' where there is nothing to say. */
  readonly why: string;
  /** Null where the log knows nothing of it. */
  readonly newest: VersionRow | null;
  /** Newest first. */
  readonly versions: readonly VersionRow[];
  readonly more: boolean;
  /** Where there is a newest version. */
  readonly members: readonly Reached[];
  /** The other members are known. */
  readonly isAsked: boolean;
}

/** `typed` are the bytes of a path inside the share, or as such a path is shown. Throws JournalFault. */
export function traceOf(world: World, sight: Sight, typed: BytePath): Trace {
  const { share, status } = sight;
  const known = readJournal(world, share.name, (journal) =>
    journal === null ? blank(typed) : journal.transaction(() => knownOf(journal, typed)),
  );
  const { path, versions, want } = known;
  const disk = diskOf({ ...share, exclude: [...share.exclude, ...statusExcludes(share, world.config.shares)] }, path, known);
  const newest = versions.find((row) => row.k === 0) ?? null;
  const members = newest === null || status === null ? [] : reachedBy(status, newest.version, want, world.config.member);
  const shown = versions.slice(0, versionsShown);
  return {
    share: share.name,
    path,
    ...disk,
    newest,
    versions: shown,
    more: versions.length > shown.length,
    members,
    isAsked: status?.head != null,
  };
}

interface Known {
  readonly path: BytePath;
  readonly versions: readonly VersionRow[];
  readonly agreed: Agreed | null;
  readonly want: Want | null;
}

function blank(path: BytePath): Known {
  return { path, versions: [], agreed: null, want: null };
}

function knownOf(journal: Journal, typed: BytePath): Known {
  const path = storedPath(journal, typed);
  return { path, versions: journal.newestVersions(path, versionsShown + 1), agreed: journal.agreed(path), want: journal.want(path) };
}

/** What this disk shows, against what was there when disk and log last met. */
function diskOf(share: ShareConfig, path: BytePath, { agreed, want }: Known): Pick<Trace, 'here' | 'why'> {
  const tree = openShareTree({ root: share.path, shareName: share.name });
  try {
    const root = tree.rootState();
    if (root.state !== 'present') return { here: 'unreadable', why: `The root of the share cannot be looked at: ${root.message}` };
    const stat = tree.look(path);
    if (isExcluded(share, path, stat?.kind === 'dir')) return { here: 'excluded', why: 'The config leaves this path out here' };
    if (want !== null) return { here: 'waiting', why: want.detail };
    return comparison(stat, agreed);
  } catch (error) {
    if (!(error instanceof DiskFault)) throw error;
    return { here: 'unreadable', why: `It cannot be looked at: ${error.message}` };
  } finally {
    tree.close();
  }
}

function comparison(stat: PreciseStat | null, agreed: Agreed | null): Pick<Trace, 'here' | 'why'> {
  if (stat === null) return agreed === null ? { here: 'agreed', why: '' } : { here: 'unpublished', why: 'it was deleted here' };
  if (stat.kind === 'other') return { here: 'excluded', why: 'Sockets, devices and fifos stay where they are' };
  if (agreed === null) return { here: 'unpublished', why: 'it is new here' };
  if (stat.kind !== agreed.entry.kind) return { here: 'unpublished', why: 'something else stands there' };
  const { stamp } = agreed;
  // A directory changes with what is in it.
  if (stat.kind === 'dir' || stamp === null) return { here: 'agreed', why: '' };
  const isSame = stat.ino === stamp.ino && stat.size === stamp.size && stat.mtimeKey === stamp.mtimeKey && stat.ctimeKey === stamp.ctimeKey;
  return isSame ? { here: 'agreed', why: '' } : { here: 'unpublished', why: 'it was touched since the last look' };
}

/** Whatever lies in a directory that is left out is left out. */
function isExcluded(share: ShareConfig, path: BytePath, isDirectory: boolean): boolean {
  if (path === '') return false;
  const excluded = compileExcludes(share.exclude);
  return excluded(path, isDirectory) || ancestorsOf(path).some((above) => excluded(above, true));
}

/** This member by its journal, the others by what they last said. Those that are gone are not waited for. */
function reachedBy(status: ShareStatus, record: number, want: Want | null, name: string): Reached[] {
  const { local, members, selfId } = status;
  // What is wanted at the path itself is not here, and anything else does not matter to it.
  const own: Reached = {
    name,
    isSelf: true,
    state: want === null ? 'has' : 'lagging',
    appliedTo: local?.appliedTo ?? 0,
    why: want?.detail ?? '',
    agoMs: 0,
  };
  const others = members.filter(({ heartbeat, agoMs }) => heartbeat.id !== selfId && agoMs < goneMs).map(progressOf);
  return [
    own,
    ...others.map(({ name: other, appliedTo, agoMs, why }) => ({
      name: other,
      isSelf: false,
      state: stateOf(appliedTo >= record, agoMs),
      appliedTo,
      why: appliedTo >= record ? '' : why,
      agoMs,
    })),
  ];
}

function stateOf(has: boolean, agoMs: number): Reached['state'] {
  if (has) return 'has';
  return agoMs > aliveMs ? 'silent' : 'lagging';
}
