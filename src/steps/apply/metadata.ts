import type { Entry, FileEntry } from '../../model/entry.ts';
import type { BytePath } from '../../model/path.ts';
import { parentOf } from '../../model/path.ts';
import type { DiskMetadata, ShareTree } from '../../ports/filesystem.ts';
import { DiskFault } from '../../ports/filesystem.ts';
import type { ApplyTask, Run } from './run.ts';

const specialBits = 0o6000;

/** What the entry's metadata becomes on this disk: the config's fixed values first, set-id bits of the bucket never (rule A4). */
export function diskMetadata(run: Run, entry: FileEntry | (Entry & { kind: 'dir' }), task: ApplyTask): DiskMetadata {
  const { fixed } = run.options;
  const mode = (entry.kind === 'file' ? fixed?.fileMode : fixed?.dirMode) ?? entry.mode & ~specialBits;
  const { uid, gid } = ownership(run, entry, task);
  return { mode, mtimeUs: entry.kind === 'file' ? entry.mtimeUs : undefined, uid, gid };
}

type Ownership = Required<Pick<DiskMetadata, 'uid' | 'gid'>>;

/** Only root gives files away. A name that this machine does not know leaves what is there. */
export function ownership(run: Run, entry: Entry, task: ApplyTask): Ownership {
  const { owners, journal } = run.ports;
  if (!owners.privileged) return { uid: undefined, gid: undefined };
  const { fixed } = run.options;
  const base = task.expected === null ? null : journal.agreed(task.path)?.stamp;
  const owner = fixed?.owner ?? entry.owner;
  const group = fixed?.group ?? entry.group;
  const uid = (owner === null ? undefined : owners.userId(owner)) ?? base?.uid;
  const inheritsGroup = task.expected === null && fixed?.group == null && setsGroup(run, parentOf(task.path));
  const gid = inheritsGroup ? undefined : ((group === null ? undefined : owners.groupId(group)) ?? base?.gid);
  return { uid, gid };
}

/** Asked of the disk once per directory and run. What is not there yet will inherit the bit from where it is made. */
function setsGroup(run: Run, directory: BytePath): boolean {
  if (directory === '') return false;
  const known = run.groupSetting.get(directory);
  if (known !== undefined) return known;
  const above = parentOf(directory);
  const answer = hasSetgid(run.ports.tree, directory) ?? (above === '' ? hasSetgid(run.ports.tree, '') === true : setsGroup(run, above));
  run.groupSetting.set(directory, answer);
  return answer;
}

/** Null where nothing stands. */
function hasSetgid(tree: ShareTree, directory: BytePath): boolean | null {
  try {
    const stat = tree.look(directory);
    return stat === null ? null : (stat.mode & 0o2000) !== 0;
  } catch (error) {
    if (error instanceof DiskFault) return error.code === 'absent' ? null : false;
    throw error;
  }
}
