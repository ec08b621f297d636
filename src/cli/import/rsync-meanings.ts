import type { Fate } from './findings.ts';

export interface Meaning {
  readonly fate: Fate;
  readonly text: string;
}

const transport = 'members never talk to each other: they need no ssh, no keys, no rsync and no open port, only the bucket';
const whole = 'a file is put in place whole, by a rename; large ones travel in chunks';
const links = 'symbolic links are carried over as links and never followed';
const carried = (text: string): Meaning => ({ fate: 'carried', text });
const unneeded = (text: string): Meaning => ({ fate: 'unneeded', text });
const missing = (text: string): Meaning => ({ fate: 'missing', text });

/** What an option of rsync that is switched on becomes, by its long name with `_`. Those that the importer follows itself are not here. */
export const rsyncMeanings: ReadonlyMap<string, Meaning> = named({
  archive: carried('mode, time, links, and owner and group where flocksync runs as root, as it does by itself'),
  ...all(['perms', 'owner', 'group', 'times', 'links', 'executability'], carried('so by itself (owners where flocksync runs as root)')),
  ...all(['recursive', 'dirs', 'implied_dirs'], unneeded('a share is a whole tree')),
  ...all(
    ['rsh', 'rsync_path', 'binary', 'password_file', 'protect_args', 'secluded_args', 'sockopts', 'port', 'address', 'blocking_io'],
    unneeded(transport),
  ),
  ...all(['ipv4', 'ipv6', 'timeout', 'contimeout', 'old_args'], unneeded(transport)),
  ...all(['compress', 'compress_level', 'compress_choice', 'skip_compress'], unneeded('contents are packed and compressed by themselves')),
  ...all(
    ['whole_file', 'inplace', 'append', 'append_verify', 'partial', 'partial_dir', 'temp_dir', 'delay_updates', 'fuzzy', 'block_size'],
    unneeded(whole),
  ),
  ...all(['checksum', 'ignore_times', 'size_only'], unneeded('every content is verified by its SHA-256')),
  ...all(
    [
      'verbose',
      'quiet',
      'stats',
      'progress',
      'human_readable',
      'itemize_changes',
      'log_file',
      'info',
      'debug',
      'out_format',
      'msgs2stderr',
    ],
    unneeded('`flocksync log --local` tells what was applied, `run -v` each step'),
  ),
  ...all(['omit_dir_times', 'omit_link_times'], unneeded('times of directories and links are no part of a share')),
  ...all(['one_file_system'], unneeded('a file system that is mounted below the root is never entered, and reported')),
  ...all(['ignore_errors', 'force', 'ignore_missing_args', 'delete_missing_args'], unneeded('an error is never taken for a deletion')),
  ...all(['delete', 'del', 'delete_after', 'delete_before', 'delete_during', 'delete_delay'], unneeded('see `delete` of the sync')),
  max_delete: unneeded('the guard `maxDelete` of the share holds mass deletions until somebody approves them'),
  ...all(
    ['backup', 'backup_dir', 'suffix'],
    unneeded('what is replaced or deleted goes to the trash of the member (`trash: 7d`), and stays in the bucket (`history: 30d`)'),
  ),
  ...all(['acls', 'xattrs', 'fake_super'], missing('access control lists and extended attributes are not carried over')),
  hard_links: missing('hard links become separate files'),
  ...all(['devices', 'specials', 'copy_devices', 'write_devices'], missing('devices, sockets and fifos are skipped')),
  sparse: missing('a file with holes arrives written out'),
  ...all(['copy_links', 'copy_dirlinks', 'copy_unsafe_links', 'keep_dirlinks', 'safe_links', 'munge_links'], missing(links)),
  ...all(['usermap', 'groupmap'], missing('set one owner and group with `metadata` on the member, or use the same names on all')),
  numeric_ids: missing('owners and groups travel by name; an id without a name travels as its number'),
  bwlimit: missing('this release has no bandwidth limit; shape the traffic (tc) if the link is narrow. Contents travel once, packed'),
  update: missing('a subscriber follows the publisher even where its own file is newer; what it replaces is in the trash'),
  ...all(['existing', 'ignore_existing', 'ignore_non_existing'], missing('a subscriber takes over all of the share')),
  ...all(['max_size', 'min_size'], missing('list what is too large under `exclude`')),
  prune_empty_dirs: missing('empty directories are carried over'),
  cvs_exclude: missing('list the patterns under `exclude`'),
  delete_excluded: missing('what is excluded is left alone on every member'),
  dry_run: missing('`flocksync sync -n` shows what would be done, without a setting'),
  relative: missing('a share is brought to the path of its own'),
  chmod: missing('it alters single bits; `metadata: { fileMode, dirMode }` on the member sets whole modes'),
  chown: missing('`metadata: { owner, group }` on the member sets them, by plain names'),
});

export const unknownMeaning: Meaning = missing('import does not know this option of rsync');

/** For an option that lsyncd has on by itself and the config switches off. */
export const offMeanings: ReadonlyMap<string, Meaning> = named({
  links: missing(links),
  times: missing('modification times of files are carried over'),
  ...all(['perms', 'owner', 'group'], missing('carried over nevertheless; `metadata` on the member sets others')),
});

function named(meanings: Readonly<Record<string, Meaning>>): Map<string, Meaning> {
  return new Map(Object.entries(meanings));
}

function all(names: readonly string[], meaning: Meaning): Record<string, Meaning> {
  return Object.fromEntries(names.map((name) => [name, meaning]));
}
