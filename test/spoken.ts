import { type SourceFile, sourceFiles } from './source.ts';

/** A part of docs/messages.md, in the order of the page; a file belongs to the first that it fits. */
interface Area {
  readonly title: string;
  readonly about: string;
  readonly files: RegExp;
}

const areas: readonly Area[] = [
  {
    title: 'The config (exit 2)',
    about:
      'Printed as `FILE:LINE: what is wrong`, all faults at once; nothing was done. Correct the line, or see `flocksync help config` and [configuration](3-configuration.md). A running daemon keeps the config from before.',
    files:
      /^src\/(config[\w-]*\.ts|model\/(cron|share-name|share-pattern|nearest|glob|duration)\.ts|adapters\/(config-file|environment)\.ts)$/,
  },
  {
    title: 'The command line (exit 2)',
    about: 'Nothing was done. `flocksync help COMMAND` shows how it is written, with an example.',
    files: /^src\/(cli\/([\w-]*arguments|flags|path-argument|sync-paths|when|targets|split-version)\.ts|model\/typed-path\.ts)$/,
  },
  {
    title: 'Setting up: `init`, `install`, `doctor`, `join`',
    about: 'Each finding of `doctor` comes with its fix; `FAIL` is to be mended, `warn` is harmless so far, `note` is for knowing.',
    files:
      /^src\/(cli\/(init|join|install|doctor|preview|first)[\w/-]*\.ts|adapters\/(check-root|starter-file|installation|place-file)\.ts|agent\/(check-store|doctor|join)[\w-]*\.ts|model\/finding\.ts)$/,
  },
  {
    title: 'A cycle: problems, halts, and what is told once',
    about:
      'Problems stand [by code](8-troubleshooting.md#problems-by-code) with cause and fix. What is told once (a journal that is rebuilt, a join, a clone, a snapshot) has happened, is over, and makes that run exit 1.',
    files:
      /^src\/(agent|steps|model\/(root-in-use|checks|local|travel|close|reconcile|guard|housekeep)|cli\/(status-file|report|faults|examiner|publish-paths|sync|cycles|on-change|run|roster|reload|shares))/,
  },
  {
    title: 'The web page',
    about:
      'Printed by the daemon as `flocksync: page: …`, or answered by the page itself. Shares go on whatever it says; see [the web page](6-monitoring.md#the-web-page).',
    files: /^src\/(adapters\/page-(server|files)\.ts|cli\/page\/(page|routes|machine-routes|held|trace)\.ts)$/,
  },
  {
    title: 'What other commands answer',
    about: 'In the order of the commands.',
    files: /^src\/(cli\/(?!import|page|demo|help|command|progress|format)|main\.ts|model\/monitoring\.ts|launcher\.js)/,
  },
  {
    title: 'Disk, journal, store: what stands in brackets',
    about: 'Causes, as they appear in brackets or behind a colon in the sentences above.',
    files: /^src\/adapters\/(?!page|demo|metrics|sqlite-(?!open|rescue|connection)|lua|import)/,
  },
  {
    title: 'Records, snapshots and packs: what stands in brackets',
    about:
      'What is wrong with an object of the bucket. Members put back what they hold; `flocksync verify` tells what is to be done, see [verify and repair](5-operations.md#verify-and-repair).',
    files: /^src\/model\/(record|snapshot|pack|format|entry|change|path|keys|request|codec)/,
  },
  {
    title: '`flocksync import lsyncd.conf`',
    about: 'What became of each line of the other config; see [coming from lsyncd](migrate/lsyncd.md).',
    files: /^src\/(cli\/import|adapters\/(import-files|lua)\.ts)/,
  },
];

/** Texts of the source that are no sentences for people: SQL, patterns, names. */
const noSentence =
  /\b(SELECT|INSERT|UPDATE|DELETE FROM|PRAGMA|CREATE|BEGIN|WHERE|VALUES|ORDER BY)\b|^[^A-Za-z]*$|^\s*<|\\[dws]|=>|\(\?|^use strict$/;
const wordsMin = 4;

/** The whole text of docs/messages.md. */
export function messagesPage(): string {
  const parts = spokenAreas().map(
    ({ title, about, lines }) => `## ${title}\n\n${about}\n\n${lines.map((line) => `- ${fenced(line)}`).join('\n')}\n`,
  );
  return `${head}\n${parts.join('\n')}`;
}

/** The sentences of each area, sorted. */
export function spokenAreas(): { readonly title: string; readonly about: string; readonly lines: readonly string[] }[] {
  const left = sourceFiles('src').filter(({ path }) => !path.startsWith('src/dev-s3/'));
  return areas.map(({ title, about, files }) => {
    const said = left.filter(({ path }) => files.test(path));
    for (const file of said) left.splice(left.indexOf(file), 1);
    return { title, about, lines: [...new Set(said.flatMap(sentencesOf))].sort((a, b) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1)) };
  });
}

const head = `# Every message

For grep: take a few words of what was printed that are no name and no number. \`…\` stands for what differs. The cause and the fix of each problem
stand in [troubleshooting](8-troubleshooting.md); most sentences say by themselves what to do. This page is written from the source, by
\`npx tsx scripts/messages.ts\`.
`;

function fenced(line: string): string {
  return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``;
}

/** Literals and templates of a file that read as a sentence, with \`…\` for what is put in. */
function sentencesOf({ text, code }: SourceFile): string[] {
  return literalsOf(text, code)
    .map((literal) =>
      literal
        .replace(/\\n|\s+/g, ' ')
        .replace(/\\(['"`\\])/g, '$1')
        .trim(),
    )
    .filter((literal) => literal.split(' ').filter((word) => /^[("`“]?[A-Za-z][a-z’']*[.,:;)"`”]?$/.test(word)).length >= wordsMin)
    .filter((literal) => !noSentence.test(literal));
}

/** \`code\` is as long as the text, with the insides of strings blanked: a quote in it begins or ends one. */
function literalsOf(text: string, code: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < code.length; at++) {
    const quote = code[at];
    if (quote !== "'" && quote !== '"' && quote !== '`') continue;
    const [literal, end] = quote === '`' ? template(text, code, at) : plain(text, code, at, quote);
    found.push(literal);
    at = end;
  }
  return found;
}

function plain(text: string, code: string, at: number, quote: string): [string, number] {
  const end = code.indexOf(quote, at + 1);
  return [text.slice(at + 1, end), end];
}

/** From backtick to backtick; what stands in \`\${}\` becomes …, whatever it holds. */
function template(text: string, code: string, at: number): [string, number] {
  let said = '';
  for (let i = at + 1; i < code.length; i++) {
    if (code[i] === '`') return [said, i];
    if (code[i] !== '{') {
      said += text[i] === '$' && code[i + 1] === '{' ? '' : text[i];
      continue;
    }
    said += '…';
    i = closing(code, i);
  }
  return [said, code.length];
}

function closing(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    if (code[i] === '{') depth++;
    if (code[i] === '}' && --depth === 0) return i;
  }
  return code.length;
}
