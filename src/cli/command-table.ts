import type { CommandName } from './command.ts';
import type { Flag } from './flags.ts';

/** How a command is written, for the parser and for its help screen: one table, so that they cannot disagree. */
export interface CommandSpec {
  readonly name: Exclude<CommandName, 'version'>;
  /** The words after the name, as help writes them. */
  readonly words: string;
  readonly wordsMin: number;
  readonly wordsMax: number;
  readonly json: boolean;
  readonly flags: readonly (Flag & { readonly about: string })[];
  /** Documented flags that this release lacks. */
  readonly unbuiltFlags: readonly string[];
  readonly about: string;
  /** Paragraphs of the help screen. */
  readonly details: readonly string[];
  readonly examples: readonly string[];
}

const many = Number.MAX_SAFE_INTEGER;
const share = { long: 'share', value: 'NAME', about: 'the share that is meant' };
const dryRun = { long: 'dry-run', short: 'n', about: 'print what would be done, one line per path; do nothing' };
const noWords = { words: '', wordsMin: 0, wordsMax: 0 };
const shares = { words: '[SHARE…]', wordsMin: 0, wordsMax: many };

export const commonFlags: readonly (Flag & { readonly about: string })[] = [
  { long: 'config', value: 'FILE', about: 'the config file (default /etc/flocksync.yml)' },
  { long: 'verbose', short: 'v', about: 'say each step on standard error' },
  { long: 'quiet', short: 'q', about: 'no progress, no summary; problems are still said' },
  { long: 'help', short: 'h', about: 'this screen' },
];
export const jsonFlag: Flag & { readonly about: string } = { long: 'json', about: 'one JSON document, with a schema version' };

export const commands: readonly CommandSpec[] = [
  {
    name: 'init',
    words: 'URL [PATH]',
    wordsMin: 1,
    wordsMax: 2,
    json: false,
    flags: [
      { long: 'endpoint', value: 'URL', about: 'where the store answers (default AWS, or AWS_ENDPOINT_URL)' },
      { long: 'region', value: 'NAME', about: 'region of the bucket (default AWS_REGION, or us-east-1)' },
      { long: 'path-style', value: 'true|false', about: 'bucket in the path of the address (default true with an endpoint)' },
      { long: 'profile', value: 'NAME', about: 'of the AWS config files' },
      { long: 'federation', value: 'NAME', about: 'the group of servers (default the one in the bucket, or web)' },
      { long: 'share', value: 'NAME', about: 'the share (default by PATH; webroot for a web root)' },
      { long: 'preset', value: 'NAME', about: 'wordpress, joomla, drupal, moodle, moodledata or none (default by what lies in PATH)' },
      { long: 'role', value: 'ROLE', about: 'both, publisher or subscriber (default both)' },
      { long: 'mode', value: 'MODE', about: 'heavyweight or lightweight (default heavyweight)' },
      { long: 'join', value: 'trash|merge', about: 'what becomes of files that only this server has (default trash)' },
      { long: 'member', value: 'NAME', about: 'a label for this server (default the host name)' },
      { long: 'state', value: 'DIR', about: 'where journals lie (default /var/lib/flocksync)' },
      { long: 'save-keys', about: 'write the keys of this shell into /etc/flocksync.env (0600)' },
      { long: 'force', about: 'replace a config that stands there; it is kept as FILE.old' },
      { long: 'yes', short: 'y', about: 'ask nothing, also on a terminal' },
    ],
    unbuiltFlags: [],
    about: 'write the config, run doctor, show what a first sync would do',
    details: [
      'URL is s3://BUCKET/PREFIX or file:///DIRECTORY; PATH is the directory to keep identical (default /var/www/html). On a terminal it asks for what it cannot know; otherwise the flags answer, and it never waits.',
      'On the server with the good content it comes first, then on each of the others with the same URL: there it finds the share in the bucket and says what joining means for the files of that server. It publishes nothing and touches nothing below PATH.',
      'Credentials never come into the config. Keys that were typed, or those of the shell with --save-keys, go into /etc/flocksync.env, unless that file is there already.',
    ],
    examples: [
      'flocksync init s3://my-bucket/web',
      'flocksync init s3://my-bucket/web /var/www/html --endpoint https://s3.example.net',
      'flocksync init file:///mnt/shared/flocksync /etc/nginx --share nginx --yes',
    ],
  },
  {
    name: 'sync',
    ...shares,
    json: false,
    flags: [
      dryRun,
      { long: 'only', value: 'publish|pull', about: 'one half of the cycle' },
      {
        long: 'path',
        value: 'PATH',
        many: true,
        about: 'publish what is at and below PATH, first and only that (may be given several times)',
      },
      { long: 'no-wait', about: 'when a cycle is running already, or a daemon, leave at once with 0' },
    ],
    unbuiltFlags: [],
    about: 'one whole cycle: publish local changes, pull and apply those of others',
    details: [
      'What cron runs. Exit 0 means that everything that was there at the start is in the log, and everything in the log is here.',
      'Where a daemon runs, it does the work, and what it came to is printed here; beside another sync this one waits for its turn. Without a terminal it prints nothing when all is well.',
      'With --path it does not wait for what is under way: an upload of hours makes room within seconds. PATH is absolute, or relative to the root of the share; something that was deleted there counts, too. A move is seen as one when both of its ends are below PATH.',
    ],
    examples: [
      'flocksync sync',
      'flocksync sync --path wp-content/uploads/2026',
      "flocksync sync -n 'site*'",
      'flocksync sync --only pull webroot',
    ],
  },
  {
    name: 'run',
    ...noWords,
    json: false,
    flags: [],
    unbuiltFlags: [],
    about: 'the daemon: watches, polls, keeps schedules, stops cleanly on SIGTERM',
    details: [
      'Stays in the foreground, for systemd or a container. SIGTERM and SIGINT finish the step under way and exit 0 within 5 s; a second one ends it at once.',
      'SIGHUP makes it read the config and open the log file again. A faulty config changes nothing; it says so, and where a restart is needed. New matches of a pattern become shares by themselves.',
      'A sync beside it is done by the daemon. Trouble is said once, on standard error, and tried again; it ends neither the daemon nor another share.',
    ],
    examples: ['flocksync run -v'],
  },
  {
    name: 'status',
    ...shares,
    json: true,
    flags: [
      { long: 'ready', about: 'exit 0 only when every share is caught up and applied, else 1 and what is missing' },
      { long: 'check', about: 'one line and the exit codes of a monitoring plugin (0, 1, 2, 3)' },
      { long: 'warning', value: 'DURATION', about: 'with --check: lag or pause from which on it is a WARNING (default 5m)' },
      { long: 'critical', value: 'DURATION', about: 'with --check: … CRITICAL (default 1h)' },
      { long: 'all', about: 'with --check: other members count as well' },
    ],
    unbuiltFlags: [],
    about: 'where this member stands: cursor, lag, problems, holds, deviations',
    details: [
      'Reads the journal and the bucket, changes nothing. Where the bucket gives no answer it shows what the journal knows and exits 75.',
      'Members marked with ! were not heard of for 3 minutes; * is this one.',
      'With --check the exit code is 0 OK, 1 WARNING (problems, holds, still joining), 2 CRITICAL (halted, never synced) and 3 UNKNOWN (the bucket gives no answer, wrong config); lag and the time since the last cycle are WARNING or CRITICAL by the limits.',
      'With --ready it prints nothing where all is ready and nobody looks. A load balancer that asks often looks for the file STATE/SHARE.ready instead.',
    ],
    examples: [
      'flocksync status',
      'flocksync status webroot --json',
      'flocksync status --check --warning 5m --critical 1h',
      'flocksync status --ready && echo in service',
    ],
  },
  {
    name: 'wait',
    ...shares,
    json: true,
    flags: [
      { long: 'all', about: 'wait for every member, not only this one' },
      { long: 'record', value: 'N', about: 'wait for record N (default: the newest now)' },
      { long: 'timeout', value: 'DURATION', about: 'give up after this time, such as 30s or 5m (default 2m)' },
    ],
    unbuiltFlags: [],
    about: 'wait until everything published by now is applied',
    details: [
      'Exit 0 when it is applied everywhere that was asked for, 1 with the names of those that lag.',
      'With --all, members that were not heard of for 3 minutes are named and not waited for.',
    ],
    examples: ['flocksync wait --all --timeout 2m webroot'],
  },
  {
    name: 'log',
    ...shares,
    json: true,
    flags: [
      { long: 'limit', value: 'N', about: 'the newest N records (default 20)' },
      { long: 'local', about: 'what was applied to this machine: when, which path, from whom' },
      { long: 'path', value: 'PATH', about: 'only this path and what is below it' },
      { long: 'paths', value: 'N', about: 'list N changed paths of each record (default 10; 0 lists none)' },
    ],
    unbuiltFlags: [],
    about: 'the newest records: who changed what, and when',
    details: [
      'As far as this member has read the log; times are those of the bucket. Paths are marked + (new), ~ (changed), - (deleted) and k (the loser of a conflict, kept as a version).',
      '--local is the audit of this machine. It goes back as far as the history of the share, and a million steps at most.',
    ],
    examples: ['flocksync log webroot --limit 50', 'flocksync log --path wp-content --paths 100', 'flocksync log --local'],
  },
  {
    name: 'history',
    words: 'PATH',
    wordsMin: 1,
    wordsMax: 1,
    json: true,
    flags: [share],
    unbuiltFlags: [],
    about: 'the versions of one path, oldest first',
    details: [
      'PATH is absolute, or relative to the root of the share; with several shares --share decides. A version N~k is a loser of a conflict that record N kept.',
    ],
    examples: ['flocksync history /var/www/html/index.php', 'flocksync history index.php --share webroot'],
  },
  {
    name: 'restore',
    words: 'PATH[@VERSION]',
    wordsMin: 1,
    wordsMax: 1,
    json: false,
    flags: [
      { long: 'at', value: 'TIME', about: 'as it was at this time, instead of a version' },
      { long: 'exact', about: 'delete below PATH what was not there then' },
      dryRun,
      share,
    ],
    unbuiltFlags: [],
    about: 'bring a file or directory back as a new version, on every member',
    details: [
      'VERSION is what `history PATH` lists: the number of a record, or N~k for the loser of a conflict. For a directory it is any record: everything below comes back as it was after that record; what was created later stays, unless --exact is given.',
      'TIME is 2026-11-20T08:19:05Z, a day such as 2026-11-20, both in the time zone of this machine unless they name another, or an age such as 2h. It counts by the clock of the bucket.',
      'A whole cycle runs first, so that nothing unpublished is replaced, and one afterwards. What is replaced stays in the history. PATH is written as for `history`; `.` is the whole share.',
    ],
    examples: [
      'flocksync restore index.php@57',
      'flocksync restore wp-content/uploads --at 2h -n',
      'flocksync restore wp-content/plugins@1203 --exact',
    ],
  },
  {
    name: 'undo',
    words: 'SEQ',
    wordsMin: 1,
    wordsMax: 1,
    json: false,
    flags: [dryRun, share],
    unbuiltFlags: [],
    about: 'take back one changeset, on every member',
    details: [
      'SEQ is the number of a record in `log`; all records of its changeset are meant. What was changed or deleted is put back, what was added is deleted.',
      'Paths that were changed again since are listed and left as they are: then the exit code is 1. An undo can be undone.',
    ],
    examples: ['flocksync undo 1204 -n', 'flocksync undo 1204'],
  },
  {
    name: 'diff',
    words: 'SEQ SEQ',
    wordsMin: 2,
    wordsMax: 2,
    json: true,
    flags: [{ long: 'stat', about: 'a line with the totals at the end' }, share],
    unbuiltFlags: [],
    about: 'the paths that differ between the states after two records',
    details: [
      'A added, D deleted, M changed, T replaced by another kind. The larger number first tells what going back would do. 0 is the empty state before the first record.',
    ],
    examples: ['flocksync diff 1190 1204', 'flocksync diff 0 1204 --stat --share webroot'],
  },
  {
    name: 'conflicts',
    ...shares,
    json: true,
    flags: [],
    unbuiltFlags: [],
    about: 'resolved conflicts: which version won, where the other is kept',
    details: [],
    examples: ['flocksync conflicts webroot'],
  },
  {
    name: 'approve',
    words: '[ID…]',
    wordsMin: 0,
    wordsMax: many,
    json: false,
    flags: [share],
    unbuiltFlags: [],
    about: 'let through what a guard holds',
    details: [
      'ID is a hold of this member or another one (`flocksync status` names them and what they hold), or the number of the record whose deletions are held. Without an ID: everything that this member holds.',
      '`lineage` lets a share that was halted by a restored or replaced bucket join it again as a union, without any deletion.',
      '`record-N` gives up a record that nobody can read; what it changed comes from the members that hold it.',
    ],
    examples: ['flocksync approve --share webroot', 'flocksync approve 4f2a91c0', 'flocksync approve lineage --share webroot'],
  },
  {
    name: 'reject',
    words: '[ID…]',
    wordsMin: 0,
    wordsMax: many,
    json: false,
    flags: [share],
    unbuiltFlags: [],
    about: 'bring back what a guard holds, instead of deleting it elsewhere',
    details: ['Without an ID: everything that this member holds. The hold of another member is rejected there.'],
    examples: ['flocksync reject 4f2a91c0'],
  },
  {
    name: 'join',
    words: 'SHARE',
    wordsMin: 1,
    wordsMax: 1,
    json: false,
    flags: [
      { ...dryRun },
      { long: 'merge', about: 'publish what only this server has; the default is what `join` of the config says' },
      { long: 'yes', short: 'y', about: 'do not ask; without a terminal it is needed' },
    ],
    unbuiltFlags: [],
    about: 'join a share anew, as a new server does: the log wins, this disk follows',
    details: [
      'For a server whose files went wrong: forgets what this member knew of the share, makes the tree what the log says, and runs a whole cycle. What differs here, and what is only here, goes to the trash and is listed; then the exit code is 1, once. Nothing of it is published, unless --merge is given.',
      'What a cycle has published already is in the log: take that back with undo or restore. After a halt because of the lineage this makes the bucket win, where approve lineage makes a union.',
    ],
    examples: ['flocksync join webroot -n', 'flocksync join webroot', 'flocksync join webroot --merge --yes'],
  },
  {
    name: 'forget',
    words: 'SHARE',
    wordsMin: 1,
    wordsMax: 1,
    json: false,
    flags: [],
    unbuiltFlags: [],
    about: 'drop the journal of a share that this member no longer holds',
    details: ['Removes local state only: the files that are left and the bucket stay as they are.'],
    examples: ['flocksync forget sites-old.example.com'],
  },
  {
    name: 'verify',
    ...shares,
    json: true,
    flags: [
      { long: 'sample', value: 'PERCENT', about: 'read this part of contents and files, by chance (such as 5%)' },
      { long: 'repair', about: 'mend what this member can; ask the other members for the rest' },
    ],
    unbuiltFlags: [],
    about: 'check that bucket, journal and disk hold what the log says',
    details: [
      'Every record, snapshot and content that a kept version needs must be in the bucket and have its hash, the journal must add up, and files that look unchanged must be unchanged. Without --repair nothing is written anywhere.',
      '--repair sends again from this disk what the bucket has lost, puts records back, makes a new snapshot, and fetches files that the disk has spoilt; what was there goes to the trash. Then it looks again. Exit 1 while a problem is left.',
      'It reads the whole bucket and the whole disk: use --sample for large shares.',
    ],
    examples: ['flocksync verify', 'flocksync verify webroot --sample 5%', 'flocksync verify --repair'],
  },
  {
    name: 'housekeep',
    ...shares,
    json: true,
    flags: [{ long: 'dry-run', short: 'n', about: 'print what would be done, one line per object, with the reason; do nothing' }],
    unbuiltFlags: [],
    about: 'prune journal and trash; snapshot, retire and delete in the bucket',
    details: [
      'sync and run do this by themselves, on a budget. By hand it has neither thresholds nor a budget: it does all that the retention and the grace times allow, and what has to wait goes at the next one.',
      'Nothing is deleted before what replaces it was read back; what a record retires is deleted a day later at the earliest. It may be stopped at any point. On a subscriber only this server is looked after.',
    ],
    examples: ['flocksync housekeep -n', 'flocksync housekeep webroot'],
  },
  {
    name: 'install',
    words: 'cron|systemd',
    wordsMin: 1,
    wordsMax: 1,
    json: false,
    flags: [
      { long: 'write', about: 'put the file in place, in /etc/cron.d or /etc/systemd/system' },
      { long: 'remove', about: 'take away what --write has put there' },
      { long: 'user', value: 'NAME', about: 'run as this user (default: you)' },
      { long: 'every', value: 'DURATION', about: 'cron: how often, such as 5s, 15s, 1m, 1h (default 15s)' },
    ],
    unbuiltFlags: [],
    about: 'print or write what starts flocksync: a cron file or a systemd unit',
    details: [
      'Without --write it prints the file and changes nothing. Written again, the same file stays as it is; one of somebody else, or one that was edited since, is never replaced.',
      'cron: once after a reboot, then again and again, at seconds that come from the name of the member. systemd: the daemon, closed off from all that it does not need; what it may write comes from the config, so install it again when a share is added.',
    ],
    examples: ['flocksync install cron', 'flocksync install cron --write --every 1m', 'flocksync install systemd --write --user www-data'],
  },
  {
    name: 'import',
    words: 'LSYNCD.CONF',
    wordsMin: 1,
    wordsMax: 1,
    json: false,
    flags: [
      { long: 'out', value: 'DIR', about: 'write the configs into this directory, instead of printing them' },
      { long: 'bucket', value: 'URL', about: 'the bucket, s3://BUCKET/PREFIX; without it the configs leave it open' },
      { long: 'federation', value: 'NAME', about: 'the name of the group of servers (default lsyncd)' },
    ],
    unbuiltFlags: [],
    about: 'turn a config of lsyncd into configs of flocksync',
    details: [
      'Writes publisher.yml for the server that ran lsyncd and subscriber.yml for its targets, one for each target where they differ. Then it says line by line what was carried over, what is not needed any more, and what has no equivalent and why.',
      'The config is read and never run: a function or a call in it is refused with its line. Nothing that stands in DIR is replaced by another text.',
      'docs/migrate/lsyncd.md goes through the change step by step.',
    ],
    examples: ['flocksync import /etc/lsyncd.conf', 'flocksync import lsyncd.conf --out . --bucket s3://my-bucket/web'],
  },
  {
    name: 'doctor',
    ...noWords,
    json: true,
    flags: [],
    unbuiltFlags: [],
    about: 'test endpoint, credentials, permissions, conditional puts, clock',
    details: ['Each finding comes with its fix. Writes and removes a few small objects below the prefix.'],
    examples: ['flocksync doctor'],
  },
  {
    name: 'demo',
    ...noWords,
    json: false,
    flags: [{ long: 'keep', about: 'leave the directories in place at the end' }],
    unbuiltFlags: [],
    about: 'three members and an S3 server in temporary directories, a minute',
    details: ['Needs neither a config file nor credentials nor root.'],
    examples: ['flocksync demo'],
  },
  {
    name: 'help',
    words: '[COMMAND]',
    wordsMin: 0,
    wordsMax: 1,
    json: false,
    flags: [],
    unbuiltFlags: [],
    about: 'this list, or the screen of one command; `help config` shows a config',
    details: [],
    examples: ['flocksync help sync', 'flocksync help config'],
  },
];

/** Commands that are documented or planned, and refused by name in this release. */
export const unbuiltCommands: readonly string[] = ['upgrade-format'];
