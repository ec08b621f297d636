// Fills the last column of docs/invariants.md with the tests that name each rule: npx tsx scripts/invariants.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { testsByRule } from './rules.ts';

const file = join(dirname(fileURLToPath(import.meta.url)), '../docs/invariants.md');
const tests = testsByRule();
const untested: string[] = [];

const lines = readFileSync(file, 'utf8')
  .split('\n')
  .map((line) => {
    const row = /^\| ([A-Z][1-9]) \| (.*) \| [^|]*\|$/.exec(line);
    if (row?.[1] === undefined) return line;
    const proofs = tests.get(row[1]) ?? [];
    if (proofs.length === 0) untested.push(row[1]);
    const shown = proofs.map((path) => `[${basename(path, '.ts').replace('.test', '')}](../${path})`).join(' · ');
    return `| ${row[1]} | ${row[2]} | ${shown || '–'} |`;
  });
const verdict = untested.length === 0 ? 'Every rule is named by a test.' : `No test names these rules yet: ${untested.join(', ')}.`;
writeFileSync(file, lines.join('\n').replace(/(<!-- untested -->\n)[^\n]*\n/, `$1${verdict}\n`));
console.log(verdict);
