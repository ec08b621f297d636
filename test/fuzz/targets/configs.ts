import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileExcludes } from '../../../src/adapters/excludes.ts';
import { importLsyncd } from '../../../src/cli/import/lsyncd.ts';
import { reportLines } from '../../../src/cli/import/report.ts';
import { formatFault, loadConfig } from '../../../src/config.ts';
import {
  checkKeys,
  datastoreKeys,
  maxDeleteKeys,
  metadataKeys,
  onChangeKeys,
  pollKeys,
  shareKeys,
  topKeys,
} from '../../../src/config-keys.ts';
import { nameOfMatch, parseSharePath, segmentsForName } from '../../../src/model/share-pattern.ts';
import type { Dice } from '../../e2e/support/random.ts';
import { projectRoot } from '../../source.ts';
import { mutated, mutatedText, oddPath, refusedPath } from '../hostile.ts';
import { must, type Target } from '../target.ts';

export const configTargets: readonly Target[] = [
  { name: 'config', inputs: 700, attempt: (dice) => readConfig(mutatedText(mutatedText(dice.pick(configs), dice), dice)) },
  { name: 'config of any keys', inputs: 700, attempt: (dice) => readConfig(anyConfig(dice)) },
  { name: 'lsyncd.conf', inputs: 700, attempt: (dice) => readLsyncd(mutatedText(mutatedText(dice.pick(lsyncd), dice), dice)) },
  { name: 'lsyncd.conf of any statements', inputs: 500, attempt: (dice) => readLsyncd(anyLua(dice)) },
  { name: 'name of a share in the bucket', inputs: 3000, attempt: readShareName },
  { name: 'excludes', inputs: 300, attempt: matchExcludes },
];

const configs = [
  `federation: shop
datastore:
  url: s3://my-bucket/prefix
  endpoint: http://127.0.0.1:9000
  region: eu-central-1
member: web01
state: /var/lib/flocksync
log: /var/log/flocksync.jsonl
shares:
  - name: webroot
    path: /var/www/html
    exclude: ["wp-content/cache/", "*.log"]
    metadata: { owner: www-data, group: www-data, fileMode: "0644", dirMode: "0755" }
    maxDelete: { percent: 20, floor: 20, window: 10m }
    settle: 500ms
    poll: { active: 1s, idle: 15s }
    schedule: "*/15 * * * * *"
    statusFile: { path: /var/www/html/datasync.status, goodFor: 5m }
    onChange: { run: "systemctl reload php-fpm", timeout: 30s, debounce: 2s }
`,
  `federation: shop
datastore: { url: "file:///srv/bucket" }
shares:
  - &one { name: a, path: "/srv/*/html", role: subscriber, delete: keep, join: merge }
  - name: b
    path: "/srv/\${NAME}/b"
    check: nginx -t
    verify: { at: "17 3 * * 0", sample: 5% }
`,
];

/** A config, or faults that a person can find in the file. */
function readConfig(text: string): void {
  const result = loadConfig(text, 'f.yml', { variables: { NAME: 'x' }, hostName: 'host1', realpath: () => null });
  if (result.ok) return;
  must(result.faults.length > 0, 'a config is refused without a word');
  const lines = text.split(/\r\n|\r|\n/).length + 1;
  for (const fault of result.faults) {
    must(fault.line >= 0 && fault.line <= lines, `line ${fault.line} of ${lines} is at fault`);
    const told = formatFault(fault);
    must(told.length < 2000 && !/\p{Cc}/u.test(told), `a fault is told as ${JSON.stringify(told).slice(0, 300)}`);
  }
}

const known = [...topKeys, ...datastoreKeys, ...shareKeys, ...metadataKeys, ...pollKeys, ...onChangeKeys, ...checkKeys, ...maxDeleteKeys];
const scalars = [
  ...[
    '',
    '~',
    'null',
    'true',
    '0',
    '-1',
    '1e400',
    '.nan',
    '0o777',
    '0x1F',
    '"0644"',
    '2026-11-20',
    '!!binary aGk=',
    '!x y',
    '*one',
    '&one x',
  ],
  ...[
    's3://bucket',
    'file:///',
    'file:///srv',
    '/',
    '/a/..',
    '/a/**/b',
    '/{a,b}/c',
    '"${"',
    `"\${HOME}"`,
    '"$${x}"',
    '5m',
    '1e9d',
    '99999999999d',
  ],
  ...[
    '"*/15 * * * * *"',
    '"\\u0000"',
    '"\\ud800"',
    '|-\n      text',
    '>\n      text',
    '[',
    '{',
    '"',
    "'",
    '- - -',
    '? x',
    ': :',
    '<<',
    '%TAG',
  ],
];

function anyConfig(dice: Dice): string {
  const value = (indent: string, depth: number): string => {
    if (depth > 3 || dice.below(3) > 0) return ` ${dice.pick(scalars)}`;
    if (dice.oneIn(3)) return ` [${Array.from({ length: dice.below(4) }, () => dice.pick(scalars)).join(', ')}]`;
    const list = dice.oneIn(2);
    const items = Array.from(
      { length: 1 + dice.below(5) },
      () => `${indent}${list ? '- ' : ''}${dice.pick(known)}:${value(`${indent}    `, depth + 1)}`,
    );
    return `\n${items.join('\n')}`;
  };
  const top = ['federation: shop', 'datastore: { url: s3://bucket }', 'shares: [{ name: a, path: /a }]'].filter(() => !dice.oneIn(3));
  const more = Array.from({ length: dice.below(6) }, () => `${dice.pick(known)}:${value('  ', 0)}`);
  return `${dice.shuffled([...top, ...more]).join(dice.pick(['\n', '\n', '\r\n', '\n---\n']))}\n`;
}

const lsyncdFolder = join(projectRoot, 'test/cli/lsyncd');
const lsyncd = readdirSync(lsyncdFolder)
  .filter((name) => name.endsWith('.conf'))
  .map((name) => readFileSync(join(lsyncdFolder, name), 'utf8'));

/** Configs that the config reader takes, or says why not; or a sentence with a line. */
function readLsyncd(text: string): void {
  const wanted = { from: 'lsyncd.conf', federation: 'web', bucket: 's3://shop' };
  const imported = importLsyncd(text, wanted, (path) => (path.includes('exclude') ? ['*.tmp', '- /x', '+ y', '!', ''] : null));
  if (!imported.ok) {
    must(
      imported.message !== '' && imported.message.length < 1000 && !/\p{Cc}/u.test(imported.message),
      `it is told as ${JSON.stringify(imported.message).slice(0, 300)}`,
    );
    return;
  }
  for (const line of reportLines('lsyncd.conf', imported.configs, imported.findings))
    must(line.length < 3000 && !/\p{Cc}/u.test(line), `it is told as ${JSON.stringify(line).slice(0, 300)}`);
  for (const { text: config, faults, file } of imported.configs) {
    must(/^[\w.-]+\.yml$/.test(file), `a config is called ${JSON.stringify(file)}`);
    const result = loadConfig(config, file, { variables: gaps, hostName: 'host', realpath: () => null });
    must(result.ok === (faults.length === 0), `a config with ${faults.length} faults is read with ${result.ok ? 0 : result.faults.length}`);
  }
}

const gaps = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (/^FLOCKSYNC_(SOURCE|TARGET)/.test(String(name)) ? `/import/${String(name)}/root` : undefined) },
);

const luaValues = [
  ...[
    '1',
    '-1',
    '1e308',
    '0/0',
    '"a"',
    '"/srv/a"',
    '"host:/srv/b"',
    '"h::m/x"',
    'nil',
    'true',
    '{}',
    '{ 1, 2 }',
    't',
    's',
    '#t',
    't[1]',
    't.x',
  ],
  ...[
    's .. s',
    's .. "x"',
    '"\\255"',
    '[[long]]',
    'default.rsync',
    'default.rsyncssh',
    'function() end',
    '...',
    '(1)',
    'not t',
    '{ t, x = t }',
  ],
];
const luaKeys = [
  'source',
  'target',
  'targetdir',
  'host',
  'delay',
  'delete',
  'exclude',
  'excludeFrom',
  'filter',
  'rsync',
  'rsyncOpts',
  'ssh',
  'x',
];

function anyLua(dice: Dice): string {
  const value = () => dice.pick(luaValues);
  const table = () =>
    `{ ${Array.from({ length: dice.below(6) }, () => (dice.oneIn(3) ? value() : `${dice.pick(luaKeys)} = ${value()}`)).join(', ')} }`;
  const statement = (depth: number): string => {
    const inner = () => (depth > 2 ? '' : statement(depth + 1));
    return dice.pick([
      () => `settings ${table()}`,
      () => `sync { default.rsync, source = "/srv/a", target = "h:/srv/b", ${dice.pick(luaKeys)} = ${value()} }`,
      () => `sync ${table()}`,
      () => `${dice.pick(['local ', ''])}${dice.pick(['s', 't', 'x'])} = ${dice.oneIn(2) ? table() : value()}`,
      () => `for i = ${value()}, ${dice.pick(['3', '1e9', value()])} do ${inner()} end`,
      () => `for k, v in ${dice.pick(['ipairs', 'pairs'])}(${dice.pick(['t', table()])}) do ${inner()} end`,
      () => `if ${value()} then ${inner()} else ${inner()} end`,
      () => `table.insert(t, ${value()})`,
      () => `t[${value()}] = ${value()}`,
      () => `while true do ${inner()} end`,
    ])();
  };
  return ['s = "text"', 't = { "a", x = 1 }', ...Array.from({ length: 1 + dice.below(6) }, () => statement(0))].join('\n');
}

const patterns = ['/var/www/*/html', '/srv/{a,b}/*', '/s/[a-c]?', '/x/.*'];

/** A share that is found in the bucket lies where its pattern says, and nowhere else. */
function readShareName(dice: Dice): void {
  const text = dice.pick(patterns);
  const parsed = parseSharePath(text);
  if (!parsed.ok) throw new Error(parsed.fault);
  const honest =
    nameOfMatch(
      'web',
      parsed.pattern.segments.filter(({ dynamic }) => dynamic).map(() => dice.pick(['a', 'b', '..', '.flocksync', '~', 'x%2F'])),
    ) ?? '';
  const name = dice.pick([
    honest,
    mutated(Buffer.from(honest), dice).toString('latin1'),
    `web-${oddPath(dice)}`,
    `web-${refusedPath(dice)}`,
    'web-..',
    'web-%2E%2E',
    'web-%2F',
  ]);
  const segments = segmentsForName(parsed.pattern, 'web', name);
  if (segments === undefined) return;
  must(segments.length === parsed.pattern.segments.length, `${name} has another depth than ${text}`);
  for (const segment of segments)
    must(segment !== '' && segment !== '.' && segment !== '..' && !/[/\0]/.test(segment), `${name} lies at ${segments.join('/')}`);
  must(
    segments.every((segment) => !segment.startsWith('.flocksync')),
    `${name} is a staging area`,
  );
}

/** With more wildcards in one pattern than a person writes, the time that a name takes grows with each of them. */
const wildcardsMax = 3;
const wildcards = ['*', '**', '?', '[a-z]', '[!x]'];
const patternParts = ['/', '[', ']', '\\', '!', 'a', 'cache', '.log', ' ', '#', '{', '(', ')', '+', '.', '\u00e9', '$', '^', '|'];

/** Every pattern answers for every name, soon. */
function matchExcludes(dice: Dice): void {
  const pattern = () => {
    const plain = Array.from({ length: 1 + dice.below(9) }, () => dice.pick(patternParts));
    return dice.shuffled([...plain, ...Array.from({ length: dice.below(wildcardsMax + 1) }, () => dice.pick(wildcards))]).join('');
  };
  const excluded = compileExcludes(Array.from({ length: 1 + dice.below(4) }, pattern));
  const paths = ['a'.repeat(255), 'cache/x.log', oddPath(dice), `${'a/'.repeat(200)}a`];
  for (const path of paths) excluded(path, dice.oneIn(2));
}
