// Which tests prove which rules of the protocol: read from the names of the tests, which begin with a rule's id (`R-L1: …`, `J1, J3: …`).
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Test files (relative to the project) by rule id. */
export function testsByRule(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  for (const file of testFiles()) {
    for (const rule of rulesNamedIn(readFileSync(join(projectRoot, file), 'utf8'))) found.set(rule, [...(found.get(rule) ?? []), file]);
  }
  return found;
}

function testFiles(): string[] {
  return readdirSync(join(projectRoot, 'test'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(projectRoot, join(entry.parentPath, entry.name)))
    .sort();
}

/** Ids in the names of tests and groups of one file. */
export function rulesNamedIn(text: string): Set<string> {
  const names = [...text.matchAll(/\b(?:test|it|describe)\b[\w.]*\(\s*['"`]([^'"`\n]*)|\)\(\s*['"`]([^'"`\n]*)/g)].map(
    (match) => match[1] ?? match[2] ?? '',
  );
  return new Set(names.flatMap(rulesOf));
}

/** An id counts anywhere with `R-` before it, and without it in the list before the colon: "S3" is also a kind of store. */
function rulesOf(name: string): string[] {
  const anywhere = [...name.matchAll(/\bR-([LSBPIRDGJAH][1-9])\b/g)].map((match) => match[1] ?? '');
  const listed = (name.split(':')[0] ?? '').split(/, | and /).map((word) => word.replace(/^R-/, ''));
  return [...anywhere, ...listed.filter((word) => /^[LSBPIRDGJAH][1-9]$/.test(word))];
}
