import { wrap } from '../format.ts';
import { gaps } from './config-parts.ts';
import type { Fate, Finding } from './findings.ts';
import type { WrittenConfig } from './write-configs.ts';

const columns = 100;

const titles: readonly (readonly [Fate, string])[] = [
  ['missing', 'No equivalent'],
  ['carried', 'Carried over'],
  ['unneeded', 'Not needed any more'],
  ['note', 'Notes'],
];

/** What became of each line, and what is left to do. */
export function reportLines(from: string, configs: readonly WrittenConfig[], findings: readonly Finding[]): string[] {
  return [
    `${from}, as configs of flocksync:`,
    '',
    ...configs.flatMap(({ file, about }) => hanging(`  ${file.padEnd(16)}  `, about)),
    ...configs.flatMap(({ file, faults }) => faultLines(file, faults)),
    ...titles.flatMap(([fate, title]) =>
      section(
        title,
        findings.filter((finding) => finding.fate === fate),
      ),
    ),
    '',
    'Next:',
    ...nextSteps(configs).flatMap((step, at) => hanging(`  ${at + 1}. `, step)),
  ];
}

function faultLines(file: string, faults: readonly string[]): string[] {
  return faults.length === 0
    ? []
    : ['', `${file} has to be mended by hand before it can be used:`, ...faults.flatMap((fault) => hanging('  ', fault))];
}

function section(title: string, findings: readonly Finding[]): string[] {
  if (findings.length === 0) return [];
  return [
    '',
    `${title}:`,
    ...gathered(findings).flatMap(({ lines, what, text }) =>
      hanging('  ', `${placeOf(lines)}${what === '' ? '' : `${what}: `}${text}.`, '      '),
    ),
  ];
}

function placeOf(lines: readonly number[]): string {
  return lines[0] === 0 ? '' : `line ${lines.join(', ')}: `;
}

interface Gathered {
  readonly lines: readonly number[];
  readonly what: string;
  readonly text: string;
}

/** Several options on one line that mean the same, and several lines that say the same, are told together. */
function gathered(findings: readonly Finding[]): Gathered[] {
  const byLine = new Map<string, { line: number; whats: string[]; text: string }>();
  for (const { line, what, text } of findings) {
    const key = `${line} ${text}`;
    const known = byLine.get(key);
    if (known === undefined) byLine.set(key, { line, whats: [what], text });
    else known.whats.push(what);
  }
  const byText = new Map<string, { lines: number[]; what: string; text: string }>();
  for (const { line, whats, text } of byLine.values()) {
    const what = whats.join(', ');
    const key = `${what}\n${text}`;
    const known = byText.get(key);
    if (known === undefined) byText.set(key, { lines: [line], what, text });
    else known.lines.push(line);
  }
  return [...byText.values()];
}

/** What it quotes is of any length. */
const textCharactersMax = 2000;

function hanging(head: string, text: string, blanks = ' '.repeat(head.length)): string[] {
  const plain = text.replace(/\p{Cc}+/gu, ' ').slice(0, textCharactersMax);
  return wrap(plain, columns - blanks.length).map((line, at) => (at === 0 ? head : blanks) + line);
}

function nextSteps(configs: readonly WrittenConfig[]): string[] {
  const open = Object.values(gaps).filter((name) => configs.some(({ text }) => text.includes(`\${${name}`)));
  return [
    ...(open.length === 0 ? [] : [`Fill in ${open.join(', ')} where the files name them; \`flocksync\` refuses to run before.`]),
    'Put each file to /etc/flocksync.yml on its server, and the key of the bucket into /etc/flocksync.env (mode 0600).',
    'Stop lsyncd here. Run `flocksync doctor`, `flocksync sync -n` and `flocksync sync`, here first and then on each target.',
    'Let it run: `flocksync install systemd --write`, or `install cron --write`. docs/migrate/lsyncd.md goes through it step by step.',
  ];
}
