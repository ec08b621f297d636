import { type Pattern, translateRules } from './filter-rules.ts';
import type { Findings } from './findings.ts';
import { shown } from './lua-value.ts';
import { liesIn, type Target } from './places.ts';
import type { Said } from './read-settings.ts';
import type { Sync } from './read-sync.ts';
import { shareNames } from './share-names.ts';

/** One source and everything that follows it. */
export interface PlannedShare {
  readonly name: string;
  /** Null where no block says it. */
  readonly source: Said<string> | null;
  /** What no target shall have. */
  readonly patterns: readonly Pattern[];
  readonly followers: readonly Follower[];
}

export interface Follower {
  readonly sync: Sync;
  readonly patterns: readonly Pattern[];
}

/** Blocks with one source become one share with several followers; sources inside of others are dealt with here. */
export function planShares(syncs: readonly Sync[], findings: Findings): readonly PlannedShare[] {
  const kept = withoutInner(syncs, findings);
  const sources = [...new Set(kept.map((sync) => sync.source?.value ?? null))];
  const names = shareNames(sources);
  return sources.map((source, at) => {
    const group = kept.filter((sync) => (sync.source?.value ?? null) === source);
    const followers = group.map((sync) => ({ sync, patterns: patternsOf(sync, findings) }));
    return { name: names[at] ?? '', source: group[0]?.source ?? null, patterns: commonPatterns(followers), followers };
  });
}

/** The share of a text without any block: everything about it is still to be filled in. */
export function emptyShare(): PlannedShare {
  return { name: 'share', source: null, patterns: [], followers: [] };
}

/** Shares may not lie inside one another. The outer one brings the inner one's files along where both go to the same places. */
function withoutInner(syncs: readonly Sync[], findings: Findings): Sync[] {
  return syncs.filter((inner) => {
    const outer = syncs.filter((one) => inner.source !== null && one.source !== null && liesIn(inner.source.value, one.source.value));
    const [first] = outer;
    if (first?.source == null || inner.source === null) return true;
    const what = `source = ${shown(inner.source.value)}`;
    const lies = `it lies inside ${first.source.value} (line ${first.source.line})`;
    if (outer.some((one) => bringsAlong(one, inner)))
      findings.add('unneeded', inner.source.line, what, `${lies}, which brings it to the same place`);
    else
      findings.add(
        'missing',
        inner.source.line,
        what,
        `${lies}, and shares cannot lie inside one another; the block is left out. Make shares of the directories side by side, or let its target follow the outer share with all but this excluded`,
      );
    return false;
  });
}

function bringsAlong(outer: Sync, inner: Sync): boolean {
  const [a, b] = [outer.target.value, inner.target.value];
  if (a.host !== b.host || a.path === null || b.path === null) return false;
  const below = (inner.source?.value ?? '').slice((outer.source?.value ?? '').length);
  return b.path === `${a.path === '/' ? '' : a.path}${below}`;
}

function patternsOf(sync: Sync, findings: Findings): readonly Pattern[] {
  const { patterns, refused } = translateRules(sync.rules);
  for (const { rule, why } of refused) findings.add('missing', rule.line, `${rule.from}: ${shown(rule.text)}`, why);
  const listed = new Map(patterns.filter(({ from }) => !from.startsWith('/')).map(({ line, from }) => [line, from]));
  for (const [line, from] of listed) {
    const texts = patterns.filter((pattern) => pattern.line === line && pattern.from === from).map(({ text }) => shown(text));
    findings.add('carried', line, from, `\`exclude\` on the publisher and its subscribers: ${texts.join(', ')}`);
  }
  return patterns;
}

/** The publisher leaves out what all targets leave out; the rest each target excludes for itself. */
function commonPatterns(followers: readonly Follower[]): readonly Pattern[] {
  const lists = followers.map(({ patterns }) => patterns);
  const [first = [], ...others] = lists;
  const textOf = (list: readonly Pattern[]) => list.map(({ text }) => text).join('\n');
  if (others.every((other) => textOf(other) === textOf(first))) return first;
  if (lists.flat().some(({ text }) => text.startsWith('!'))) return [];
  return first.filter(({ text }) => others.every((other) => other.some((pattern) => pattern.text === text)));
}

/** A target on this machine that would share its staging directory with the source. */
export function besideSource(source: string | null, target: Target): boolean {
  const parentOf = (path: string) => path.slice(0, path.lastIndexOf('/'));
  return target.host === null && source !== null && target.path !== null && parentOf(source) === parentOf(target.path);
}
