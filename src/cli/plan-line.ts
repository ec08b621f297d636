import type { Kind } from '../model/entry.ts';
import { type BytePath, toText } from '../model/path.ts';
import type { Plan } from '../steps/plan.ts';

/** One rsync-like line: `<` goes to the bucket, `>` comes from it. `kind` null is a deletion; `fresh`: nothing stood there. */
export function planLine(direction: '<' | '>', path: BytePath, kind: Kind | null, fresh: boolean): string {
  if (kind === null) return `${direction}*deleting  ${toText(path)}`;
  const letter = { file: 'f', dir: 'd', link: 'L' }[kind];
  return `${direction}${letter}${fresh ? '+++++++++' : '.changed..'} ${toText(path)}${kind === 'dir' ? '/' : ''}`;
}

/** One rsync-like line per path: `<` goes to the bucket, `>` comes from it; one direction alone where only that is asked for. */
export function planLines(plan: Plan, only: 'publish' | 'pull' | null): string[] {
  const lines: [string, string][] = [];
  const [goes, comes] = [only !== 'pull', only !== 'publish'];
  if (goes)
    for (const { path, entry, base } of plan.publications.values())
      lines.push([path, planLine('<', path, entry?.kind ?? null, base === 0)]);
  if (comes)
    for (const { path, entry, expected } of plan.applies) lines.push([path, planLine('>', path, entry?.kind ?? null, expected === null)]);
  if (goes) for (const { path } of plan.heldHere) lines.push([path, `<*held      ${toText(path)}`]);
  if (comes) for (const { path } of plan.heldThere) lines.push([path, `>*held      ${toText(path)}`]);
  return lines.sort((a, b) => (a[0] < b[0] ? -1 : 1)).map(([, text]) => text);
}
