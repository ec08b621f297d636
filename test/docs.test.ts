import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { rulesNamedIn } from '../scripts/rules.ts';
import { parseArguments } from '../src/cli/arguments.ts';
import { commands, commonFlags, jsonFlag, unbuiltCommands } from '../src/cli/command-table.ts';
import { exit } from '../src/cli/exit.ts';
import { formatFault, loadConfig } from '../src/config.ts';
import { datastoreKeys, maxDeleteKeys, metadataKeys, pollKeys, shareKeys, topKeys, verifyKeys } from '../src/config-keys.ts';
import { commonRules, presetNames, presets } from '../src/model/presets.ts';
import { flawCodes } from '../src/model/verify.ts';
import { documentedSentences } from './documented.ts';
import { projectRoot, sourceFiles } from './source.ts';
import { messagesPage, spokenAreas } from './spoken.ts';

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8');
const pages = ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', 'localstack/README.md', ...markdownBelow('docs')];

function markdownBelow(folder: string): string[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.md'))
    .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)));
}

/** Fenced blocks of one language, each with the line on which it begins. */
function blocks(page: string, language: string): { at: string; text: string }[] {
  const text = read(page);
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm');
  return [...text.matchAll(fence)].map((match) => ({
    at: `${page}:${text.slice(0, match.index).split('\n').length}`,
    text: match[1] ?? '',
  }));
}

const examples = pages.flatMap((page) => blocks(page, 'yaml'));

test('there are YAML examples in README and docs/3', () => {
  expect(examples.some(({ at }) => at.startsWith('README.md'))).toBe(true);
  expect(examples.filter(({ at }) => at.startsWith('docs/3-configuration.md')).length).toBeGreaterThan(2);
});

test.each(examples)('the config at $at is accepted', ({ at, text }) => {
  const loaded = loadConfig(text, at, { variables: {}, hostName: 'web-a', realpath: () => null });
  expect(loaded.ok ? [] : loaded.faults.map(formatFault)).toEqual([]);
});

test('the example with all keys shows the defaults and misses no key', () => {
  const all = blocks('docs/3-configuration.md', 'yaml')[0]?.text ?? '';
  for (const key of [...topKeys, ...datastoreKeys, ...shareKeys]) expect(all, key).toMatch(new RegExp(`\\b${key}:`));
  const written = loadConfig(all, '', { variables: {}, hostName: '', realpath: () => null });
  const short = loadConfig('{ federation: f, datastore: { url: "s3://abc" }, shares: [{ name: webroot, path: /var/www/html }] }', '', {
    ...{ variables: {}, hostName: '', realpath: () => null },
  });
  if (!written.ok || !short.ok) throw new Error('both must load');
  expect({
    ...written.config.shares[0],
    schedule: null,
    housekeep: null,
    verify: null,
    check: null,
    onChange: null,
    statusFile: null,
    maxDelete: null,
  }).toEqual({
    ...short.config.shares[0],
    maxDelete: null,
  });
});

test('every key of the config has a row in docs/3', () => {
  const page = read('docs/3-configuration.md');
  for (const key of [...topKeys, ...datastoreKeys, ...shareKeys]) expect(page, key).toContain(`\n| \`${key}\` |`);
  for (const key of [...metadataKeys, ...maxDeleteKeys, ...pollKeys, ...verifyKeys]) expect(page, key).toContain(`\`${key}\``);
});

test('the policies are JSON and grant what the adapter asks for', () => {
  const policies = blocks('README.md', 'json').map(({ text }) => JSON.parse(text) as { Statement: { Action: string | string[] }[] });
  const actions = policies.map(({ Statement }) => Statement.flatMap(({ Action }) => Action));
  const asked = [...read('src/adapters/s3.ts').matchAll(/#on(?:Object|Bucket)\('(s3:\w+)'\)/g)].map((match) => match[1] as string);
  expect(actions[0]).toEqual(expect.arrayContaining([...new Set(asked)]));
  expect(actions[1]?.sort()).toEqual(['s3:GetObject', 's3:ListBucket', 's3:PutObject']);
});

test('docs/presets has every line of every preset with its reason, and no other', () => {
  const tables = [...read('docs/presets.md').matchAll(/^\| Pattern \| Why \|\n\|---\|---\|\n((?:\|.*\n)*)/gm)];
  const rows = tables.flatMap(([, body]) => (body ?? '').trimEnd().split('\n'));
  const rules = [...commonRules, ...presetNames.flatMap((name) => presets[name].rules)];
  expect(rows).toEqual(rules.map(({ patterns, why }) => `| ${patterns.map((pattern) => `\`${pattern}\``).join(' ')} | ${why} |`));
  for (const name of presetNames) expect(read('docs/presets.md')).toContain(`\n## ${name}\n`);
});

// ---- problem codes -----------------------------------------------------------------------------------------------------------

/** Places in the source where a code is born; where it is chosen, every choice counts. */
const births = [
  /\b(?:problem|note)\(([^,)]*),/g,
  /\bhaltOf\(([^)]*)\)/g,
  /\bcode: ([^,;{}]*)/g,
  /\bstop\(\s*cycle,([^,]*),/g,
  /^ {2}('[\w-]+'): \{\s*text: /gm,
  /\[\s*'(?:permanent|transient|unknown)',\s*('[\w-]+')/g,
  /\b(?:DatastoreFault|JournalFault)\(\s*(?:'(?:permanent|transient|unknown)',)?\s*('[\w-]+')/g,
];

/** Not for people: how a disk or a file of SQLite answered, and the steps' own words. What doctor and verify find stands elsewhere. */
const notShown = [
  'src/dev-s3/',
  'src/ports/',
  'src/cli/demo',
  'src/adapters/demo',
  'src/cli/doctor',
  'src/agent/doctor',
  'src/agent/verify',
];

function codesInSource(): Set<string> {
  const texts = sourceFiles('src').filter(({ path }) => !notShown.some((start) => path.startsWith(start)));
  const found = texts.flatMap(({ text }) =>
    births.flatMap((birth) => [...text.matchAll(birth)].flatMap((match) => literals(match[1] ?? ''))),
  );
  return new Set([...found, ...rootCodes()]);
}

/** Texts of an expression, those that something is only compared with left out. */
function literals(expression: string): string[] {
  const chosen = expression.replace(/[!=]== '[^']*'/g, '');
  return [...chosen.matchAll(/'([a-z][a-z-]+)'/g)].map((match) => match[1] ?? '');
}

/** `root-${state}` for what a root may be besides present. */
function rootCodes(): string[] {
  const words = /const words = \{([^}]*)\}/.exec(read('src/agent/root.ts'))?.[1] ?? '';
  return [...words.matchAll(/'?([\w-]+)'?: /g)].map((match) => `root-${match[1]}`);
}

test('docs/8 explains every problem code of the source, and no other', () => {
  const section = read('docs/8-troubleshooting.md').split('## Problems by code')[1] ?? '';
  const documented = new Set([...section.matchAll(/^\| `([\w-]+)` \|/gm)].map((match) => match[1] ?? ''));
  expect([...documented].sort(), 'add or remove the row in docs/8-troubleshooting.md').toEqual([...codesInSource()].sort());
});

/** Tests that hold what was said against the page name its code: `documented('held')`. */
function provokedCodes(): Set<string> {
  const named = sourceFiles('test').flatMap(({ text }) => [...text.matchAll(/\bdocumented\('([\w-]+)'\)/g)].map((match) => match[1] ?? ''));
  return new Set(named);
}

test('every problem of docs/8 has its sentence, and a test that provokes it and holds its text against the page', () => {
  const sentences = documentedSentences();
  expect([...sentences].filter(([, said]) => said.length === 0).map(([code]) => code)).toEqual([]);
  const provoked = provokedCodes();
  const missing = [...sentences.keys()].filter((code) => !provoked.has(code));
  expect(missing, "provoke it, and expect(text).toMatch(documented('CODE'))").toEqual([]);
});

// ---- commands ----------------------------------------------------------------------------------------------------------------

test('docs/4 shows every command and every flag, and names what is not built', () => {
  const page = read('docs/4-commands.md');
  for (const { name, flags, json } of commands) {
    const rows = [...page.matchAll(new RegExp(`^\\| \`${name}\\b.*$`, 'gm'))].map(([row]) => row).join('\n');
    expect(rows, name).not.toBe('');
    for (const { long, short } of flags) {
      expect(rows, `${name} --${long}`).toContain(`--${long}`);
      if (short !== undefined) expect(rows, `${name} -${short}`).toContain(`-${short}`);
    }
    if (json) expect(rows, `${name} --json`).toContain('--json');
  }
  for (const { long } of [...commonFlags, jsonFlag]) expect(page, long).toContain(`--${long}`);
  for (const name of [...unbuiltCommands, ...commands.flatMap(({ unbuiltFlags }) => unbuiltFlags)])
    expect(page, name).toMatch(new RegExp(`\`.*${name}\``));
});

/** Command lines as people copy them, in indented blocks, in those of a shell, and between backquotes; a comment behind them is left out. */
function commandLines(page: string): string[] {
  const text = read(page);
  const shell = [...text.matchAll(/^ *```(?:sh|console)\b[^\n]*\n([\s\S]*?)^ *```/gm)].map((match) => match[1] ?? '').join('\n');
  const typed = shell.matchAll(/^ *(?:[a-z]+\d+\$ )?flocksync (?!keeps)([^\n]+)/gm);
  const others = text.matchAll(/(?:^ {4,}|`|\/bin\/)flocksync ([^`\n]+)/gm);
  const lines = [...typed, ...others].map((match) => (match[1] ?? '').replace(/\s+(#|&&|\|\||\||;|>).*$/, ''));
  return lines.filter((line) => !/COMMAND|^(record|snapshot) [1N]/.test(line));
}

test('every fault of the config and of the command line is provoked by a test that quotes it', () => {
  const tests = sourceFiles('test').map(({ text }) => text);
  const quoted = tests.join('\n').replace(/\\(.)/g, '$1').replace(/\s+/g, ' ');
  // Three words in a row: a test may leave out what differs, and what follows.
  const isQuoted = (line: string) => {
    const parts = line.split('…').map((part) => part.trim().split(' '));
    const enough = Math.min(3, Math.max(...parts.map((words) => words.length)));
    return parts.some((words) =>
      words.some((_, at) => at + enough <= words.length && quoted.includes(words.slice(at, at + enough).join(' '))),
    );
  };
  const misuses = spokenAreas().filter(({ title }) => title.endsWith('(exit 2)'));
  expect(misuses.map(({ lines }) => lines.length > 20)).toEqual([true, true]);
  expect(misuses.flatMap(({ lines }) => lines.filter((line) => !isQuoted(line)))).toEqual([]);
});

test('docs/messages.md has every sentence of the source', () => {
  // Compared line by line, so that what is new is shown alone.
  const [now, written] = [messagesPage(), read('docs/messages.md')].map((text) => text.split('\n'));
  const difference = { missing: now?.filter((line) => !written?.includes(line)), gone: written?.filter((line) => !now?.includes(line)) };
  expect(difference, 'npx tsx scripts/messages.ts writes it anew').toEqual({ missing: [], gone: [] });
});

test.each(pages.filter((page) => page !== 'docs/messages.md' && commandLines(page).length > 0))(
  'the command lines of %s are understood',
  (page) => {
    const parsed = commandLines(page).map((line) => ({ line, result: parseArguments(line.replace(/['"]/g, '').split(/\s+/)) }));
    expect(parsed.flatMap(({ line, result }) => (result.ok ? [] : [`${line}: ${result.message}`]))).toEqual([]);
  },
);

/** Programs that a reader is asked to run. */
const programs =
  /^ {4,}(?:flocksync (?!record|snapshot)|systemctl|npm|npx|node|cd|cp|mv|rm|install|editor|sqlite3|semanage|restorecon|curl|export|docker|rclone|aws)\b/;

// The pages about moving that are left out have tests of their own, which type what they say.
test.each(pages.filter((page) => /^(README\.md|docs\/(?!adr\/|migrate\/(?:adt|datasync|differing)).*\.md)$/.test(page)))(
  'the commands of %s are run by a test, or say why not',
  (page) => {
    const text = read(page);
    const silent = [...text.matchAll(/^ *```(sh|bash|shell)\b(.*)$/gm)].filter((match) => !/ not run: \S/.test(match[2] ?? ''));
    expect(
      silent.map(([fence]) => fence),
      'make it a ```console block below a world, or write ```sh not run: REASON',
    ).toEqual([]);
    const indented = text.replace(/^ *```.*\n[\s\S]*?^ *```/gm, '').split('\n');
    expect(indented.filter((line) => programs.test(line))).toEqual([]);
  },
);

test('README lists the exit codes', () => {
  const rows = [...read('README.md').matchAll(/^\| (\d+) \|/gm)].map((match) => Number(match[1]));
  expect(rows).toEqual(Object.values(exit));
});

// ---- cron --------------------------------------------------------------------------------------------------------------------

test('cron/flocksync is a file that cron.d reads, and docs/5 shows the same lines', () => {
  expect(readdirSync(join(projectRoot, 'cron')).filter((name) => !/^[A-Za-z0-9_-]+$/.test(name))).toEqual(['flocksync.service']);
  const lines = read('cron/flocksync').split('\n');
  const jobs = lines.filter((line) => !/^(#.*|[A-Z]+=\S+|)$/.test(line));
  for (const job of jobs)
    expect(job).toMatch(
      /^(@reboot|(\*\/\d+|\*|\d+)( (\*|\d+)){4}) +root +(sleep \d+ ; )?\/usr\/bin\/node \/opt\/flocksync\/dist\/main\.js sync( --no-wait)?$/,
    );
  expect(jobs.length).toBeGreaterThan(1);
  expect(read('cron/flocksync').endsWith('\n')).toBe(true);
  expect(blocks('docs/5-operations.md', 'cron').map(({ text }) => text)).toEqual([`${jobs.join('\n')}\n`]);
});

// ---- links and rules ---------------------------------------------------------------------------------------------------------

/** What a heading may be linked by, as GitHub does it: a second one of the same words gets `-1`. Lines of code are no headings. */
function anchorsOf(page: string): Set<string> {
  const titles = [...withoutCode(read(page)).matchAll(/^#+ (.*)$/gm)].map((match) => match[1] ?? '');
  const found = new Set<string>();
  for (const title of titles) {
    const words = title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const anchor = words.replace(/[^\p{L}\p{N} _-]/gu, '').replace(/ /g, '-');
    let copy = 0;
    while (found.has(copy === 0 ? anchor : `${anchor}-${copy}`)) copy++;
    found.add(copy === 0 ? anchor : `${anchor}-${copy}`);
  }
  return found;
}

function withoutCode(text: string): string {
  return text.replace(/^```.*\n[\s\S]*?^```/gm, '');
}

function brokenLinks(page: string, text: string): string[] {
  const plain = withoutCode(text);
  const inline = [...plain.matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map((match) => match[1] ?? '');
  const listed = [...plain.matchAll(/^\[[^\]]+\]: (\S+)/gm)].map((match) => match[1] ?? '');
  return [...inline, ...listed].filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? page : join(dirname(page), path);
    if (!existsSync(join(projectRoot, target))) return true;
    return anchor !== undefined && !(target.endsWith('.md') && anchorsOf(target).has(anchor));
  });
}

test.each(pages)('the links of %s lead somewhere', (page) => expect(brokenLinks(page, read(page))).toEqual([]));

test('a link to a page, a heading or a line of code that is not there is found', () => {
  const text = [
    '[a](gone.md)',
    '[b](1-concepts.md#no-such-heading)',
    '[c]: 1-concepts.md#guards',
    '[d](#nowhere)',
    '[e](../LICENSE#x)',
  ].join('\n');
  expect(brokenLinks('docs/README.md', text)).toEqual(['gone.md', '1-concepts.md#no-such-heading', '#nowhere', '../LICENSE#x']);
});

test('docs/README.md names every page in order', () => {
  const numbered = pages.flatMap((page) => /^docs\/((\d+)-.*)$/.exec(page)?.[1] ?? []).sort();
  const index = [...read('docs/README.md').matchAll(/^\| (\d+) \| \[[^\]]*\]\(([^)]*)\)/gm)].map((match) => [Number(match[1]), match[2]]);
  expect(index.map(([number]) => number)).toEqual(index.map((_, at) => at + 1));
  expect(index.slice(0, numbered.length).map(([, page]) => page)).toEqual(numbered);
  for (const page of numbered) expect(read(`docs/${page}`)).toMatch(new RegExp(`^# ${Number.parseInt(page, 10)}\\. .*\\n`));
  for (const page of pages.filter((each) => /^docs\/[^/]*\.md$/.test(each) && each !== 'docs/README.md'))
    expect(read('docs/README.md'), `${page} has its place in docs/README.md`).toContain(`(${page.slice('docs/'.length)})`);
});

test('the tests that docs/invariants.md names exist and name the rule', () => {
  const rows = [...read('docs/invariants.md').matchAll(/^\| ([A-Z][1-9]) \|.*\| ([^|]*)\|$/gm)];
  expect(rows.length).toBeGreaterThan(40);
  for (const [, rule = '', proofs = ''] of rows) {
    for (const [, path = ''] of proofs.matchAll(/\]\(\.\.\/([^)]+)\)/g))
      expect(rulesNamedIn(read(path)), `${rule} in ${path}`).toContain(rule);
  }
});

test('every package of package.json has its line in docs/dependencies.md', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    'dependencies' | 'devDependencies',
    Record<string, string>
  >;
  const page = read('docs/dependencies.md');
  for (const name of [...Object.keys(dependencies), ...Object.keys(devDependencies)]) expect(page).toContain(`\`${name}\``);
});

test('docs/5 has a row for everything that verify can find', () => {
  const section = /## Verify and repair\n([\s\S]*?)\n## /.exec(read('docs/5-operations.md'))?.[1] ?? '';
  const rows = [...section.matchAll(/^\| (`[^|]*`) \|/gm)].flatMap(([, cell]) =>
    [...(cell ?? '').matchAll(/`([\w-]+)`/g)].map((found) => found[1]),
  );
  expect(rows.sort()).toEqual([...flawCodes].sort());
});
