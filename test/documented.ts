import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './source.ts';

/**
 * What docs/8-troubleshooting.md says that flocksync says for a code, as one pattern: a test that provokes the problem holds its text
 * against the page. `…` in the page stands for anything.
 */
export function documented(code: string): RegExp {
  const sentences = documentedSentences().get(code) ?? [];
  if (sentences.length === 0) throw new Error(`docs/8-troubleshooting.md has no sentence for ${code}`);
  return new RegExp(sentences.map(patternOf).join('|'), 's');
}

/** The sentences of every code, in the order of the page. */
export function documentedSentences(): Map<string, string[]> {
  const page = readFileSync(join(projectRoot, 'docs/8-troubleshooting.md'), 'utf8').split('## Problems by code')[1] ?? '';
  const found = new Map<string, string[]>();
  for (const [, code = '', cell = ''] of page.matchAll(/^\| `([\w-]+)` \| ((?:[^|\\]|\\.)*) \|/gm)) {
    const sentences = [...cell.matchAll(/`([^`]+)`/g)].map((match) => (match[1] ?? '').replaceAll('\\|', '|'));
    found.set(code, [...(found.get(code) ?? []), ...sentences]);
  }
  return found;
}

function patternOf(sentence: string): string {
  const parts = sentence.split('…').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return `(?:${parts.join('.*')})`;
}
