// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own variables are written like this
import { expect, test } from 'vitest';
import { formatFault } from '../src/config.ts';
import { faultsOf, head, withShare, withTop } from './config-text.ts';

test.each([
  ['', 'the file is empty: it needs `federation`, `datastore` and `shares`'],
  ['# only a comment\n', 'the file is empty: it needs `federation`, `datastore` and `shares`'],
  ['---\n', 'the file is empty: it needs `federation`, `datastore` and `shares`'],
])('an empty file %j', (text, message) => {
  expect(faultsOf(text)).toEqual([`0: ${message}`]);
});

test('a file of more than a mebibyte is not parsed', () => {
  expect(faultsOf('#'.repeat(1_048_577))).toEqual(['0: the file has 1048577 characters; at most 1048576 are read']);
});

test.each([
  ['- a\n- b\n', '1: the file must be a mapping of `key: value` lines, found a list'],
  ['just text\n', '1: the file must be a mapping of `key: value` lines, found the text "just text"'],
  ['federation: shop\n\tstate: x\n', '2: a tab indents this line: YAML wants spaces'],
  ['federation: shop\n---\nfederation: two\n', '2: a second document begins here ("---"): one file holds one config'],
  ['federation: *nobody\n', '1: this alias ("*name") has no anchor ("&name") before it: a text that begins with "*" needs quotes'],
  ['federation: !secret x\n', '1: a YAML tag ("!name") is not understood here: quote a text that begins with "!"'],
])('syntax %j', (text, fault) => {
  expect(faultsOf(text)).toContain(fault);
});

test('a syntax fault hides faults that would follow from it', () => {
  expect(faultsOf('federation: [shop\nstate: relative\n').every((fault) => fault.includes('YAML') || fault.includes('key'))).toBe(true);
  expect(faultsOf('federation: [shop\nstate: relative\n')).not.toEqual([]);
});

test.each<[string[], string]>([
  [['member: a', 'member: b'], '4: `member` stands here again (first on line 3): keep one of them'],
  [['log:'], '3: `log` has no value: write one, or remove the line for the default'],
  [['memer: a'], '3: `memer` is not a known key at the top of the file (did you mean `member`?)'],
  [
    ['zzz: a'],
    '3: `zzz` is not a known key at the top of the file: known are federation, datastore, member, state, log, page, pageToken, shares',
  ],
  [['region: eu-west-1'], '3: `region` does not belong at the top of the file, it belongs to `datastore`: check the indentation'],
  [['statusFile: /x'], '3: `statusFile` does not belong at the top of the file, it belongs to an item of `shares`: check the indentation'],
  [['page: "on"'], '3: `page` is "on": write an address and a port from 1 to 65535, such as 127.0.0.1:8385, or "[::1]:8385" in quotes'],
  [
    ['secretAccessKey: hunter2'],
    '3: `secretAccessKey`: credentials do not belong in this file; put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into /etc/flocksync.env (mode 0600)',
  ],
  [
    ['constructor: x'],
    '3: `constructor` is not a known key at the top of the file: known are federation, datastore, member, state, log, page, pageToken, shares',
  ],
  [['? [a, b]', ': x'], '3: a key must be a word, found a list'],
  [['member: 12'], '3: `member` must be text, found the number "12": write "12" in quotes'],
  [['member: "a\\tb"'], '3: `member` is "a\\tb": write 1 to 128 visible characters'],
  [['state: lib'], '3: `state` is "lib": write an absolute path, beginning with "/"'],
  [['state: ~/x'], '3: `state` is "~/x": "~" is not expanded here: write the absolute path'],
  [['state: /srv/../x'], '3: `state` is "/srv/../x": write the path without ".."'],
  [['log: syslog'], '3: `log: syslog` is not built yet: write the absolute path of a file'],
  [
    ['member: ${NOBODY}'],
    '3: `member` uses `${NOBODY}`, which is not set in the environment: set NOBODY, or write `$${NOBODY}` for a literal one',
  ],
  [['member: "${A B}"'], '3: `member` uses "${A B}", which is not a variable\'s name: write `$${` for a literal one'],
  [['member: "${A"'], '3: `member` has `${` without `}`: write `$${` for a literal one'],
])('top %j', (lines, fault) => {
  expect(faultsOf(withTop(...lines))).toEqual([fault]);
});

test.each<[string[], string]>([
  [['settle: 5'], '6: `settle` is 5 without a unit: write for example 5s'],
  [['settle: 5 s'], '6: `settle` is "5 s": write a duration such as 500ms, 10s, 10m, 24h or 30d'],
  [['settle: 1.5h'], '6: `settle` is "1.5h": write a duration such as 500ms, 10s, 10m, 24h or 30d'],
  [['settle: 10s', 'settleMax: 1s'], '7: `settleMax` is shorter than `settle`: make it at least as long'],
  [['poll: often'], '6: `poll` is "often": write adaptive, or a duration such as 500ms, 10s, 10m, 24h or 30d'],
  [['poll: 10ms'], '6: `poll` is "10ms": at least 100ms are needed'],
  [['poll: "* * * * *"'], '6: `poll` is "* * * * *": write adaptive or a duration; a cron expression belongs to `schedule`'],
  [['poll: { active: 2s, idle: 1s }'], '6: `idle` is shorter than `active`: exchange them, or make them equal'],
  [['poll: { active: 2s }'], '6: `idle` is missing in `poll`'],
  [['poll: { active: 2, idle: 5s }'], '6: `active` is 2 without a unit: write for example 2s'],
  [['poll: { active: 50ms, idle: 5s }'], '6: `active` is "50ms": at least 100ms are needed'],
  [['poll: { active: 1s, idel: 5s, idle: 5s }'], '6: `idel` is not a known key in `poll` (did you mean `idle`?)'],
  [['poll: [1s]'], '6: `poll` must be text, found a list'],
  [
    ['housekeep: daily'],
    '6: `housekeep` "daily" has 1 fields; five (from minutes) or six (from seconds) are needed; for example "17 3 * * *"',
  ],
  [['verify: { sample: 5% }'], '6: `at` is missing in `verify`'],
  [['verify: { at: "0 4 * * 0", sample: 0% }'], '6: `sample` is "0%": write a part such as 5% or 0.5%'],
  [['verify: { at: "0 4 * * 0", sample: 5 }'], '6: `sample` must be text, found the number "5": write "5" in quotes'],
  [
    ['verify: "0 25 * * 0"'],
    '6: `verify` "0 25 * * 0" has "25" as hour; allowed are *, */N and 0-23, in lists and ranges; for example "23 3 * * 0"',
  ],
  [
    ['schedule: "* * *"'],
    '6: `schedule` "* * *" has 3 fields; five (from minutes) or six (from seconds) are needed; for example "*/15 * * * * *"',
  ],
  [
    ['schedule: "99 * * * *"'],
    '6: `schedule` "99 * * * *" has "99" as minute; allowed are *, */N and 0-59, in lists and ranges; for example "*/15 * * * * *"',
  ],
  [['mode: quick'], '6: `mode` is "quick": use heavyweight, or lightweight'],
  [['mode: lightwight'], '6: `mode` is "lightwight": use heavyweight, or lightweight (did you mean `lightweight`?)'],
  [['sweep: 10m'], '6: `sweep` needs `mode: lightweight`: every look of a heavyweight share takes in everything'],
  [
    ['mode: lightweight', 'schedule: "*/15 * * * * *"'],
    '7: `schedule` needs `mode: heavyweight`: file events tell when to look; `sweep` sets when everything is',
  ],
  [
    ['mode: lightweight', 'sweep: often'],
    '7: `sweep` is "often": write a cron expression such as "*/10 * * * *", or a duration such as 500ms, 10s, 10m, 24h or 30d',
  ],
  [['mode: lightweight', 'sweep: 1s'], '7: `sweep` is "1s": at least 10000ms are needed'],
  [['role: subscribr'], '6: `role` is "subscribr": use both, or publisher, or subscriber (did you mean `subscriber`?)'],
  [['conflict: 1'], '6: `conflict` must be text, found the number "1": write "1" in quotes'],
  [['delete: keep'], '6: `delete: keep` needs `role: subscriber`, found `role: both`: a kept file would come back to all members'],
  [['exclude: "*.log"'], '6: `exclude` must be a list, found the text "*.log": write each item on its own line after "- "'],
  [['exclude:', '  - a', '  - 404'], '8: item 2 of `exclude` must be text, found the number "404": write "404" in quotes'],
  [['exclude:', '  - a', '  - " "'], '8: `exclude` has " ", which excludes nothing: remove the item'],
  [['exclude: ["a\\nb"]'], '6: `exclude` has "a\\nb", which holds a line break: write one item per pattern'],
  [['metadata: { fileMode: 0644 }'], '6: `fileMode` is 0644 without quotes, which YAML reads as a number: write "0644" in quotes'],
  [['metadata: { fileMode: 0o644 }'], '6: `fileMode` is 0o644 without quotes, which YAML reads as a number: write "0644" in quotes'],
  [['metadata: { fileMode: "0888" }'], '6: `fileMode` is "0888": write three or four octal digits in quotes, such as "0644"'],
  [['metadata: { owner: 33 }'], '6: `owner` must be text, found the number "33": write "33" in quotes'],
  [['metadata: { owner: "a:b" }'], '6: `owner` is "a:b": write a name such as www-data, or a number in quotes'],
  [['metadata: {}'], '6: `metadata` is empty: write `preserve`, or set owner, group, fileMode or dirMode'],
  [['metadata: keep'], '6: `metadata` is "keep": use preserve'],
  [['metadata: [a]'], '6: `metadata` must be a mapping of `key: value` lines, found a list'],
  [
    ['metadata:', '  user: x', '  owner: y'],
    '7: `user`: credentials do not belong in this file; put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into /etc/flocksync.env (mode 0600)',
  ],
  [['maxDelete: { percent: 101 }'], '6: `percent` must be a whole number from 0 to 100, found the number "101"'],
  [['maxDelete: { floor: -1 }'], '6: `floor` must be a whole number from 0 up, found the number "-1"'],
  [['maxDelete: { floor: 1.5 }'], '6: `floor` must be a whole number from 0 up, found the number "1.5"'],
  [['maxDelete: { window: 0s }'], '6: `window` is "0s": at least 1000ms are needed'],
  [['maxDelete: 20'], '6: `maxDelete` must be a mapping of `key: value` lines, found the number "20"'],
  [
    ['preset: wordpres'],
    '6: `preset` is "wordpres": use wordpress, or joomla, or drupal, or moodle, or moodledata (did you mean `wordpress`?)',
  ],
  [['preset: [wordpress]'], '6: `preset` must be text, found a list'],
  [['check: { run: " " }'], '6: `run` is empty: write a command, or remove `check`'],
  [['check: { run: "true", debounce: 5s }'], '6: `debounce` is not a known key in `check`: known are run, timeout'],
  [['onChange: { timeout: 5s }'], '6: `run` is missing in `onChange`'],
  [['onChange: { run: "true", pause: 5s }'], '6: `pause` is not a known key in `onChange`: known are run, timeout, debounce'],
  [['onChange: ""'], '6: `onChange` is empty: write a command, or remove `onChange`'],
  [['onChange: { run: "true", timeout: 1ms }'], '6: `timeout` is "1ms": at least 100ms are needed'],
  [['onChange: [a, b]'], '6: `onChange` must be text, found a list'],
  [
    ['onChange: "echo ${FLOCKSYNC_SHARE}"'],
    '6: `onChange` uses `${FLOCKSYNC_SHARE}`, which is not set in the environment: set FLOCKSYNC_SHARE, or write `$${FLOCKSYNC_SHARE}` for a literal one',
  ],
  [['<<: { role: both }'], '6: `<<` (a merge key) is not supported: write the keys out'],
  [['excludes: []'], '6: `excludes` is not a known key in share "webroot" (did you mean `exclude`?)'],
])('share %j', (lines, fault) => {
  expect(faultsOf(withShare(...lines))).toEqual([fault]);
});

test.each([
  ['name: ""', 'name: webroot', '4: `name` "" is empty'],
  ['name: -x', 'name: webroot', '4: `name` "-x" must begin with a letter or a digit'],
  ['name: a/b', 'name: webroot', '4: `name` "a/b" contains "/"; letters, digits, ".", "_" and "-" are allowed'],
  ['name: größe', 'name: webroot', '4: `name` "größe" contains "ö"; letters, digits, ".", "_" and "-" are allowed'],
  [`name: ${'a'.repeat(65)}`, 'name: webroot', `4: \`name\` "${'a'.repeat(65)}" has 65 characters; 64 are allowed`],
  ['name: bell', 'name: webroot', '4: `name` "bell" is reserved'],
  ['path: /', 'path: /var/www/html', '5: `path` is "/": the whole file system cannot be a share'],
  ['path: /srv/**', 'path: /var/www/html', '5: `path` is "/srv/**": "**" is not supported in a path: write one "*" per directory level'],
  [
    'path: "/srv/{a/b,c}"',
    'path: /var/www/html',
    '5: `path` is "/srv/{a/b,c}": a choice in braces must not contain "/": write one share per path',
  ],
  ['path: "/srv/\\0"', 'path: /var/www/html', '5: `path` is "/srv/\\u0000": a path cannot hold a NUL character'],
])('%s', (bad, good, fault) => {
  expect(faultsOf(withShare().replace(good, bad))).toEqual([fault]);
});

test.each([
  ['x', '2: `url` is "x": write s3://bucket/prefix or file:///path'],
  ['s3://', '2: `url` is "s3://": after s3:// comes the name of a bucket, 3 to 63 letters, digits, ".", "_" or "-"'],
  ['s3://ab/../c', '2: `url` is "s3://ab/../c": after s3:// comes the name of a bucket, 3 to 63 letters, digits, ".", "_" or "-"'],
  ['s3://abc/../c', '2: `url` is "s3://abc/../c": the prefix may hold letters, digits and . _ ~ = + @ - between single slashes'],
  ['s3://abc/a//c', '2: `url` is "s3://abc/a//c": the prefix may hold letters, digits and . _ ~ = + @ - between single slashes'],
  ['s3://AKIA:hunter2@abc', '2: `url` contains credentials: remove them and put them into /etc/flocksync.env (mode 0600)'],
  ['s3://abc?secret_key=hunter2', '2: `url` contains credentials: remove them and put them into /etc/flocksync.env (mode 0600)'],
  ['file://srv/x', '2: `url` is "file://srv/x": write file:// and an absolute path, for example file:///srv/flocksync'],
  ['file:///srv/%zz', '2: `url` is "file:///srv/%zz": write file:// and an absolute path, for example file:///srv/flocksync'],
])('url %s', (url, fault) => {
  expect(faultsOf(withShare().replace('s3://my-bucket', JSON.stringify(url)))).toEqual([fault]);
});

test.each([
  ['endpoint: example.com', '2: `endpoint` is "example.com": write http:// or https://, a host and a port if it is not the usual one'],
  ['endpoint: "http://k:hunter2@x"', '2: `endpoint` contains credentials: remove them and put them into /etc/flocksync.env (mode 0600)'],
  ['region: "us east"', '2: `region` is "us east": write a region such as us-east-1'],
  ['pathStyle: "yes"', '2: `pathStyle` must be true or false, found the text "yes"'],
  ['profile: ""', '2: `profile` is empty: remove the line for the default credentials'],
  ['endpont: x', '2: `endpont` is not a known key in `datastore` (did you mean `endpoint`?)'],
])('datastore %s', (line, fault) => {
  expect(faultsOf(withShare().replace('s3://my-bucket', `s3://my-bucket, ${line}`))).toEqual([fault]);
});

test('keys of S3 beside a file:// url', () => {
  expect(faultsOf(withShare().replace('s3://my-bucket', 'file:///srv/x, region: us-east-1'))).toEqual([
    '2: `region` has no meaning with a file:// url: remove it',
  ]);
});

test('a fault never shows a secret', () => {
  const secrets = { KEY: 'hunter2' };
  const texts = [withTop('password: hunter2'), withTop('member: "${KEY}\\t"'), withTop('token: { a: hunter2 }'), withShare('role: ${KEY}')];
  for (const text of [...texts, withShare().replace('s3://my-bucket', 's3://a:hunter2@my-bucket')]) {
    expect(faultsOf(text, secrets)).toHaveLength(1);
    expect(faultsOf(text, secrets).join()).not.toContain('hunter2');
  }
});

test('what is missing', () => {
  expect(faultsOf('member: x\n')).toEqual(['federation', 'datastore', 'shares'].map((key) => `1: \`${key}\` is missing in the file`));
  expect(faultsOf(`federation: shop\ndatastore:\n  region: x\nshares: []\n`)).toEqual([
    '3: `url` is missing in `datastore`',
    '4: `shares` is empty: list at least one share with `name` and `path`',
  ]);
  expect(faultsOf(`${head}shares:\n  - role: both\n  - x\n`)).toEqual([
    '4: `name` is missing in item 1 of `shares`',
    '4: `path` is missing in item 1 of `shares`',
    '5: item 2 of `shares` must be a mapping of `key: value` lines, found the text "x"',
  ]);
});

test('formatFault is clickable, and leaves out a line that means the file', () => {
  expect(formatFault({ file: '/etc/f.yml', line: 3, message: 'm' })).toBe('/etc/f.yml:3: m');
  expect(formatFault({ file: '/etc/f.yml', line: 0, message: 'm' })).toBe('/etc/f.yml: m');
});

test('aliases are bounded, and cannot multiply', () => {
  const many = `shares: [${'*a, '.repeat(101)}]\n`;
  expect(faultsOf(`federation: &a shop\n${many}`)).toEqual(['2: this is alias number 101; 100 are allowed']);
  const bomb = 'federation: &a [x, x]\ndatastore: &b [*a, *a]\nmember: &c [*b, *b]\nshares: [*c, *c]\n';
  expect(faultsOf(bomb)).toHaveLength(5);
});
