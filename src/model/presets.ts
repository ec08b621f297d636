/** Lines for `exclude` that belong together, and why they are left out, as help and docs say it. */
export interface PresetRule {
  readonly patterns: readonly string[];
  readonly why: string;
}

export interface Preset {
  readonly name: PresetName;
  /** What the root holds. */
  readonly about: string;
  /** Paths that give it away: all those of one list stand in the root. */
  readonly marks: readonly (readonly string[])[];
  /** The application may also lie in a directory right below the root. */
  readonly mayLieBelow: boolean;
  /** In gitignore's order: a line that begins with `!` takes back what stands before it. */
  readonly rules: readonly PresetRule[];
}

export const presetNames = ['wordpress', 'joomla', 'drupal', 'moodle', 'moodledata'] as const;
export type PresetName = (typeof presetNames)[number];

/** Part of every preset. A capital letter tells the temporary name of rsync from a copy such as `.htaccess.backup`. */
export const commonRules: readonly PresetRule[] = [
  { patterns: ['.git', '.svn', '.hg'], why: 'Repositories: half of one is a broken one, and a web server should not serve it' },
  { patterns: ['.*.sw[a-p]', '*~', '.#*', '\\#*#'], why: 'Swap, backup and lock files of vim, Emacs and others' },
  { patterns: ['.*.kate-swp', '.goutputstream-*', '*___jb_tmp___', '*___jb_old___'], why: 'The same of Kate, GNOME and JetBrains' },
  {
    patterns: ['.*.[A-Z]?????', '.*.?[A-Z]????', '.*.??[A-Z]???', '.*.???[A-Z]??', '.*.????[A-Z]?', '.*.?????[A-Z]'],
    why: 'What rsync has received in part: `.index.php.Xh2kQz`',
  },
  { patterns: ['.~tmp~/', '.rsync-partial/'], why: 'The same with `--delay-updates` and `--partial-dir`' },
  { patterns: ['*.filepart', '.pureftpd-upload.*', '.in.*.'], why: 'What WinSCP, Pure-FTPd and ProFTPD have received in part' },
  { patterns: ['.nfs????????????????*'], why: 'What NFS keeps of a file that is deleted and still open' },
  { patterns: ['sess_??????????????????????????*'], why: 'PHP sessions, where `session.save_path` lies in the root' },
  { patterns: ['error_log'], why: 'The log of PHP on many hosting panels: each server writes its own' },
];

const wordpress: Preset = {
  name: 'wordpress',
  about: 'WordPress, in the root or in a directory below',
  marks: [['wp-includes/version.php'], ['wp-config.php', 'wp-content']],
  mayLieBelow: true,
  rules: [
    { patterns: ['**/wp-content/cache/*'], why: 'Page caches and parsed settings: each server makes its own' },
    {
      patterns: [
        ...['autoptimize', 'min', 'minify', 'fvm', 'wpo-minify'].map((name) => `!**/wp-content/cache/${name}/`),
        ...['asset-cleanup', 'breeze-minification', 'perfmatters'].map((name) => `!**/wp-content/cache/${name}/`),
      ],
      why: 'Back again: style sheets and scripts that a page names. The page comes from one server, the request for them goes to another',
    },
    { patterns: ['**/wp-content/upgrade/'], why: 'Where an update is unpacked before it is moved into place' },
    { patterns: ['**/wp-content/upgrade-temp-backup/'], why: 'Where an update puts the old plugin for as long as it runs' },
    { patterns: ['.maintenance'], why: 'The flag of an update that runs on this server: the others do not update themselves' },
    { patterns: ['**/wp-content/debug.log'], why: 'The log of `WP_DEBUG_LOG`' },
    { patterns: ['**/wp-content/wflogs/'], why: 'State of the Wordfence firewall, written at every request' },
    { patterns: ['**/wp-content/uploads/wc-logs/'], why: 'Logs of WooCommerce' },
    { patterns: ['**/wp-content/uploads/wpcf7_uploads/'], why: 'What Contact Form 7 holds for as long as a form is being sent' },
  ],
};

const joomla: Preset = {
  name: 'joomla',
  about: 'Joomla, in the root',
  marks: [['configuration.php', 'administrator/index.php'], ['administrator/manifests/files/joomla.xml']],
  mayLieBelow: false,
  rules: [
    { patterns: ['/cache/*', '/administrator/cache/*'], why: 'Caches: each server makes its own' },
    {
      patterns: ['!/administrator/cache/autoload_psr4.php'],
      why: 'Back again: the map of class names, written when an extension is installed; with an old one the other servers miss its classes',
    },
    { patterns: ['/tmp/*'], why: 'Where extensions are unpacked before they are installed' },
    { patterns: ['/administrator/logs/*', '/logs/*'], why: 'Logs: each server writes its own' },
    {
      patterns: ['cache', 'administrator/cache', 'tmp', 'administrator/logs', 'logs'].map((name) => `!/${name}/index.html`),
      why: 'Back again: part of Joomla, so that nobody can list the directory',
    },
  ],
};

const drupal: Preset = {
  name: 'drupal',
  about: 'Drupal, in the root or in a directory below, such as `web`',
  marks: [['core/lib/Drupal.php'], ['includes/bootstrap.inc', 'misc/drupal.js']],
  mayLieBelow: true,
  rules: [
    { patterns: ['**/sites/*/files/php/'], why: 'Compiled templates, bound to the times of their directories: each server makes its own' },
    { patterns: ['**/sites/*/files/tmp/', '**/sites/*/tmp/'], why: 'Temporary files, where they lie in the root' },
    { patterns: ['**/sites/*/files/.ht.sqlite*'], why: 'A database of SQLite: a copy of one that is open is a broken one' },
    { patterns: ['**/sites/simpletest/'], why: 'Sites that a run of tests makes for itself' },
  ],
};

const moodle: Preset = {
  name: 'moodle',
  about: 'The program directory of Moodle; its data directory is a share of its own, with `moodledata`',
  marks: [
    ['config-dist.php', 'lib/moodlelib.php'],
    ['config-dist.php', 'public/lib/moodlelib.php'],
  ],
  mayLieBelow: false,
  rules: [],
};

const moodledata: Preset = {
  name: 'moodledata',
  about: 'The data directory of Moodle (`$CFG->dataroot`)',
  marks: [
    ['filedir', 'localcache'],
    ['filedir', 'trashdir'],
    ['filedir', 'muc/config.php'],
  ],
  mayLieBelow: false,
  rules: [
    { patterns: ['/localcache/', '/cache/'], why: 'Caches: each server makes its own; caches that have to be shared belong into Redis' },
    { patterns: ['/temp/', '/request/'], why: 'Temporary files of running requests, restores and the like' },
    { patterns: ['/sessions/'], why: 'Sessions: keep them in the database or in Redis' },
    { patterns: ['/lock/'], why: 'File locks, which mean nothing on another server' },
    { patterns: ['/trashdir/'], why: 'Deleted files, each server empties its own' },
    { patterns: ['/climaintenance.html'], why: 'The flag of `maintenance.php --enable`: left behind, it would close every server' },
  ],
};

export const presets: Readonly<Record<PresetName, Preset>> = { wordpress, joomla, drupal, moodle, moodledata };

/** All lines of a preset, in the order in which `exclude` reads them; none without one. */
export function presetPatterns(name: PresetName | null): readonly string[] {
  return name === null ? [] : rulesOf(name).flatMap(({ patterns }) => patterns);
}

export function rulesOf(name: PresetName): readonly PresetRule[] {
  return [...commonRules, ...presets[name].rules];
}

/** The preset whose marks `stands` finds in a directory; the first of them where several do. */
export function presetOf(stands: (path: string) => boolean, isBelow: boolean): PresetName | null {
  const fits = ({ marks, mayLieBelow }: Preset) => (mayLieBelow || !isBelow) && marks.some((paths) => paths.every(stands));
  return presetNames.find((name) => fits(presets[name])) ?? null;
}
