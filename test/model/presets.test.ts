import { expect, test } from 'vitest';
import { compileExcludes } from '../../src/adapters/excludes.ts';
import { type PresetName, presetNames, presetOf, presetPatterns } from '../../src/model/presets.ts';

/** Paths that a preset leaves out, and beside them what looks alike and must be the same everywhere; a directory ends with a slash. */
const cases: Readonly<Record<PresetName, readonly [out: readonly string[], stays: readonly string[]]>> = {
  wordpress: [
    [
      ...['wp-content/cache/supercache/', 'wp-content/cache/config/', 'wp-content/cache/page.html', 'blog/wp-content/cache/x/'],
      ...['wp-content/upgrade/', 'wp-content/upgrade-temp-backup/', '.maintenance', 'wp-content/debug.log', 'wp-content/wflogs/'],
      ...['wp-content/uploads/wc-logs/', 'wp-content/uploads/wpcf7_uploads/', 'error_log', 'wp-admin/error_log'],
    ],
    [
      ...['wp-config.php', '.htaccess', 'wp-content/', 'wp-content/cache/', 'wp-content/uploads/', 'wp-content/uploads/2026/11/a.jpg'],
      ...['wp-content/cache/autoptimize/', 'wp-content/cache/autoptimize/css/a.css', 'wp-content/cache/min/1/x.js'],
      ...['wp-content/advanced-cache.php', 'wp-content/object-cache.php', 'wp-content/plugins/wp-super-cache/', 'wp-content/litespeed/'],
      ...['wp-content/w3tc-config/master.php', 'wp-content/plugins/x/cache/', '.well-known/acme-challenge/token', 'wp-content/languages/'],
    ],
  ],
  joomla: [
    ['cache/com_content/', 'administrator/cache/x/', 'tmp/install_1/', 'administrator/logs/error.php', 'logs/error.php'],
    [
      ...['configuration.php', 'images/a.jpg', 'media/', 'cache/', 'cache/index.html', 'tmp/index.html', 'administrator/logs/index.html'],
      ...['administrator/cache/autoload_psr4.php', 'libraries/vendor/x/cache/', 'components/com_x/tmp/', '.htaccess'],
    ],
  ],
  drupal: [
    [
      ...['sites/default/files/php/', 'web/sites/shop/files/php/', 'sites/default/files/tmp/', 'sites/default/tmp/'],
      ...['sites/default/files/.ht.sqlite', 'sites/default/files/.ht.sqlite-wal', 'sites/simpletest/'],
    ],
    [
      ...['sites/default/settings.php', 'sites/default/settings.local.php', 'sites/default/files/css/a.css', 'sites/default/files/js/a.js'],
      ...['sites/default/files/styles/thumb/a.jpg', 'sites/default/files/.htaccess', 'core/lib/Drupal.php', 'vendor/'],
    ],
  ],
  moodle: [['.git/'], ['config.php', 'cache/', 'lib/', 'localcache.php', 'mod/quiz/', 'temp/']],
  moodledata: [
    ['cache/', 'localcache/', 'temp/', 'sessions/', 'lock/', 'trashdir/', 'request/', 'climaintenance.html'],
    ['filedir/', 'filedir/ab/cd/abcd', 'lang/de/', 'muc/config.php', 'filedir/cache/', 'models/', 'repository/'],
  ],
};

const everywhere: readonly string[] = [
  ...['.git/', 'wp-content/plugins/x/.git', '.svn/', '.index.php.swp', '.htaccess.swo', 'index.php~', '.#index.php', '#index.php#'],
  ...['.index.php.Xh2kQz', '.a.abcdeF', '.htaccess.Ab12cd', '.~tmp~/', '.rsync-partial/', 'photo.jpg.filepart', '.in.photo.jpg.'],
  ...[
    '.pureftpd-upload.5f1-a',
    '.nfs00000000012345670000abcd',
    'sess_0123456789abcdef0123456789',
    '.goutputstream-AB12CD',
    'x.php___jb_tmp___',
  ],
];
const nowhere: readonly string[] = [
  ...['.gitignore', '.htaccess', '.htaccess.backup', '.htaccess.old', '.user.ini', '.env', '.env.docker', '.env.sample', '.well-known/'],
  ...['session.php', 'sess_handler.php', 'error_logs/', 'a#b', 'swp', 'git/', 'file~1.txt', 'Thumbs.db', '.in.'],
];

const isOut = (excluded: ReturnType<typeof compileExcludes>, path: string): boolean => {
  const isDirectory = path.endsWith('/');
  return excluded(isDirectory ? path.slice(0, -1) : path, isDirectory);
};

test.each(presetNames)('%s leaves out what each server makes for itself, and nothing that looks like it', (name) => {
  const excluded = compileExcludes(presetPatterns(name));
  const [out, stays] = cases[name];
  expect([...out, ...everywhere].filter((path) => !isOut(excluded, path))).toEqual([]);
  expect([...stays, ...nowhere].filter((path) => isOut(excluded, path))).toEqual([]);
});

test.each(presetNames)('every line of %s can be taken back by the same line behind an exclamation mark', (name) => {
  const patterns = presetPatterns(name).filter((pattern) => !pattern.startsWith('!'));
  expect(compileExcludes([...patterns, ...patterns.map((pattern) => `!${pattern}`)])('.git', true)).toBe(false);
  for (const path of [...cases[name][0], ...everywhere]) {
    const taken = patterns.filter((pattern) => isOut(compileExcludes([pattern]), path));
    expect(taken.length, path).toBeGreaterThan(0);
    expect(isOut(compileExcludes([...presetPatterns(name), ...taken.map((pattern) => `!${pattern}`)]), path), path).toBe(false);
  }
});

test.each<[PresetName | null, readonly string[]]>([
  ['wordpress', ['wp-includes/version.php']],
  ['wordpress', ['wp-config.php', 'wp-content']],
  ['joomla', ['configuration.php', 'administrator/index.php']],
  ['drupal', ['core/lib/Drupal.php']],
  ['drupal', ['includes/bootstrap.inc', 'misc/drupal.js']],
  ['moodle', ['config-dist.php', 'lib/moodlelib.php']],
  ['moodledata', ['filedir', 'localcache']],
  [null, ['configuration.php']],
  [null, ['wp-config.php']],
  [null, ['filedir', 'cache']],
  [null, []],
])('%s is known by %j', (name, paths) => {
  expect(presetOf((path) => paths.includes(path), false)).toBe(name);
});

test('below the root only what may lie there is known', () => {
  expect(presetOf((path) => path === 'wp-includes/version.php', true)).toBe('wordpress');
  expect(presetOf((path) => ['filedir', 'localcache'].includes(path), true)).toBe(null);
});
