/**
 * Judges a federation from outside: what was written on which member, which `sync` returned 0, what members were seen to show. It knows
 * nothing of logs, records and journals, only of the promises (DESIGN.md §2), and asks of each path: is there an order of all writes
 * that explains every observation?
 *
 * A path is a register. Each member shows a version, and moves forward in one order that all members share; its own write moves it too. A
 * write that loses a conflict stands in that order before the one that it lost to. So the constraints are `a before b` between writes, and
 * they are fulfilled by some order exactly where they make no circle. Where several writes have the same content (deletions, a version
 * that was brought back), an observation may be of any of them, and each possibility is tried.
 */

/** What stands at a path: content as the observer names it, null for no file and no link. */
export type Content = string | null;

export type Event =
  /** Somebody wrote, or deleted, on this member between two moments. A write below a path says that this path is no file. */
  | {
      readonly what: 'write';
      readonly member: string;
      readonly path: string;
      readonly content: Content;
      readonly at: number;
      readonly until?: number;
      /** The log may win over it without a word, and may not: the member had not joined yet, its disk became another one, or nobody meant it. */
      readonly unsure?: boolean;
      /** With content null: what was made there is a directory, and that is no deletion. */
      readonly directory?: boolean;
      /** What stood there when somebody decided to write this; left out where nobody did. */
      readonly over?: Content;
    }
  /** A `sync` of this member returned 0. */
  | { readonly what: 'synced'; readonly member: string; readonly at: number; readonly until: number }
  /** A look at this member's disk. */
  | { readonly what: 'seen'; readonly member: string; readonly path: string; readonly content: Content; readonly at: number }
  /** The disk became another one: restored, cloned, torn. What it shows until its next sync is no part of the history. */
  | { readonly what: 'reset'; readonly member: string; readonly at: number }
  /** What the history or a trash of somebody still holds when all is over. */
  | { readonly what: 'kept'; readonly path: string; readonly content: Content }
  /** What this member shows when all is over. */
  | { readonly what: 'final'; readonly member: string; readonly path: string; readonly content: Content };

/** Sentences about what no order of the writes explains; empty for a possible history. */
export function unexplained(history: readonly Event[]): string[] {
  const events = withAncestors(history);
  const paths = new Set(events.flatMap((event) => ('path' in event ? [event.path] : [])));
  return [...paths].sort().flatMap((path) => judgePath(path, events));
}

/** Looked at more often than this for one path, a history counts as explained: nobody waits for ever for an answer. */
const triesMax = 20_000;

/** One write, or the state before all of them (number 0). */
interface Write {
  readonly number: number;
  readonly member: string;
  readonly content: Content;
  readonly at: number;
  readonly until: number;
  /** A `sync` that returned 0 began after it, and nobody wrote there again while it ran. Until when it ran; null where there was none. */
  readonly acknowledgedAt: number | null;
  /** It stands for a write below: that nobody keeps it is no loss. */
  readonly implied: boolean;
  /** No deletion: it has content, or is a directory. */
  readonly isEdit: boolean;
  /** Of an unsure write: what its writer had before him. */
  readonly over: Content | undefined;
}

/** What a member showed or wrote at one moment, in order; which write that was is known for its own ones. */
interface Step {
  readonly session: string;
  readonly at: number;
  readonly until: number;
  readonly candidates: readonly number[];
  readonly own: boolean;
  readonly content?: Content;
}

interface Case {
  readonly path: string;
  readonly writes: readonly Write[];
  readonly steps: readonly Step[];
  /** Pairs of a write and the first step that must show it or something later. */
  readonly fresh: readonly { readonly write: number; readonly step: number }[];
  readonly kept: ReadonlySet<Content>;
  readonly final: readonly { readonly member: string; readonly content: Content }[];
}

/** A file at `d/f` is only there where `d` is no file. */
function withAncestors(history: readonly Event[]): Event[] {
  const known = new Set(history.flatMap((event) => ('path' in event ? [event.path] : [])));
  return history.flatMap((event) => {
    if (event.what !== 'write' || !isEdit(event)) return [event];
    const above = ancestors(event.path).filter((path) => known.has(path));
    return [...above.map((path) => ({ ...event, path, content: null, directory: true, over: null, implied: true })), event];
  });
}

/** Rule R1: content, a link or a directory. */
function isEdit({ content, directory }: Event & { what: 'write' }): boolean {
  return content !== null || directory === true;
}

function ancestors(path: string): string[] {
  const names = path.split('/').slice(0, -1);
  return names.map((_, depth) => names.slice(0, depth + 1).join('/'));
}

function judgePath(path: string, events: readonly Event[]): string[] {
  const subject = caseOf(path, events);
  const strange = subject.steps.findIndex(({ candidates }) => candidates.length === 0);
  if (strange >= 0) return [`${path}: ${told(subject, strange)} shows what nobody had written there by then`];
  const unequal = subject.final.find(({ content }) => content !== subject.final[0]?.content);
  if (unequal !== undefined) return [`${path}: ${subject.final[0]?.member} and ${unequal.member} end with different contents`];
  const found = order(subject);
  if (found === 'none') return [`${path}: no order of its ${subject.writes.length - 1} writes explains what was seen`];
  if (found === 'open') return [];
  return losses(subject, found).map((fault) => `${path}: ${fault}`);
}

function told({ steps }: Case, at: number): string {
  const step = steps[at] as Step;
  return `${step.session} at ${step.at}`;
}

// ---- from events to constraints ------------------------------------------------------------------------------------------------

/** A member between two resets. */
function sessionsOf(events: readonly Event[]): SessionOf {
  const resets = events.filter((event) => event.what === 'reset');
  return (member, at) => `${member}#${resets.filter((reset) => reset.member === member && reset.at <= at).length}`;
}

function caseOf(path: string, events: readonly Event[]): Case {
  const session = sessionsOf(events);
  const syncs = events.filter((event) => event.what === 'synced');
  const writes: Write[] = [nothing];
  const steps: Step[] = [];
  const own = events.filter((event) => event.what === 'write' && event.path === path && !('implied' in event)) as Written[];
  for (const event of events) {
    if (event.what === 'write' && event.path === path) {
      const write = writeOf(event, writes.length, syncs, own, session);
      writes.push(write);
      if (!event.unsure)
        steps.push({ session: session(event.member, event.at), at: write.at, until: write.until, candidates: [write.number], own: true });
    }
    const step = event.what === 'seen' || event.what === 'final' ? lookOf(event, path, syncs, session) : null;
    if (step !== null) steps.push(step);
  }
  steps.sort((a, b) => a.at - b.at);
  return {
    ...{ path, writes, fresh: freshOf(writes, steps, syncs, session) },
    steps: steps.map((step) => (step.own ? step : { ...step, candidates: candidatesOf(step, writes) })),
    kept: new Set(events.flatMap((event) => (event.what === 'kept' && event.path === path ? [event.content] : []))),
    final: events.filter((event) => event.what === 'final' && event.path === path) as Case['final'],
  };
}

type Synced = Event & { what: 'synced' };
type Written = Event & { what: 'write' };
type SessionOf = (member: string, at: number) => string;

const nothing: Write = {
  ...{ number: 0, member: '', content: null, at: Number.NEGATIVE_INFINITY, until: Number.NEGATIVE_INFINITY },
  ...{ acknowledgedAt: null, implied: true, isEdit: false, over: undefined },
};

/**
 * A sync acknowledges what held still while it ran: what was changed once more under its eyes, or has vanished, leaves its changeset and is
 * no reason not to return 0 (rule D2, DESIGN.md §9). The next sync acknowledges it, or rather what came after it.
 */
function writeOf(event: Written, number: number, syncs: readonly Synced[], writes: readonly Written[], session: SessionOf): Write {
  const { member, content, at, until = at } = event;
  const here = session(member, at);
  const isRestless = (sync: Synced) =>
    writes.some((one) => session(one.member, one.at) === here && (one.until ?? one.at) > sync.at && one.at < sync.until);
  const mine = syncs.filter((sync) => sync.at >= until && session(sync.member, sync.at) === here && !isRestless(sync));
  const acknowledgedAt = mine.length === 0 || event.unsure ? null : Math.min(...mine.map((sync) => sync.until));
  const over = event.unsure ? event.over : undefined;
  return { number, member, content, at, until, acknowledgedAt, implied: 'implied' in event, isEdit: isEdit(event), over };
}

/** Null for another path, and for what a disk brought along: that says nothing before its member has met the log again. */
function lookOf(event: Event & { what: 'seen' | 'final' }, path: string, syncs: readonly Synced[], session: SessionOf): Step | null {
  if (event.path !== path) return null;
  const at = event.what === 'final' ? Number.POSITIVE_INFINITY : event.at;
  const name = session(event.member, at);
  const hasMet = name.endsWith('#0') || syncs.some((sync) => sync.until <= at && session(sync.member, sync.at) === name);
  return hasMet ? { session: name, at, until: at, candidates: [], own: false, content: event.content } : null;
}

function candidatesOf({ at, content }: Step, writes: readonly Write[]): number[] {
  return writes.filter((write) => write.content === content && write.at <= at).map(({ number }) => number);
}

/** A sync that began when a write had been acknowledged shows it, or something later, from its end on. */
function freshOf(
  writes: readonly Write[],
  steps: readonly Step[],
  syncs: readonly Synced[],
  session: SessionOf,
): { write: number; step: number }[] {
  return writes.flatMap(({ number, acknowledgedAt }) => {
    if (acknowledgedAt === null) return [];
    const sessions = new Map<string, number>();
    for (const sync of syncs) {
      const name = session(sync.member, sync.at);
      if (sync.at >= acknowledgedAt) sessions.set(name, Math.min(sessions.get(name) ?? Number.POSITIVE_INFINITY, sync.until));
    }
    return [...sessions].flatMap(([name, from]) => {
      const step = steps.findIndex((each) => each.session === name && each.at >= from);
      return step < 0 ? [] : [{ write: number, step }];
    });
  });
}

// ---- an order --------------------------------------------------------------------------------------------------------------------

/** For each step the write that it shows, and for each write those that come right after it. */
interface Order {
  readonly shown: readonly number[];
  readonly after: readonly ReadonlySet<number>[];
}

/** 'none': there is none. 'open': too many possibilities were tried. */
function order(subject: Case): Order | 'none' | 'open' {
  const shown: number[] = [];
  let tries = 0;
  const search = (step: number): Order | 'none' | 'open' => {
    if (++tries > triesMax) return 'open';
    const isLast = step === subject.steps.length;
    // Where there was no choice, nothing would be tried otherwise: the circle is found at the next choice.
    const after = isLast || (subject.steps[step] as Step).candidates.length > 1 ? constraints(subject, shown) : undefined;
    if (after === null) return 'none';
    if (isLast && after !== undefined) return { shown: [...shown], after };
    const before = lastOf(subject, shown, step);
    // What was shown last is shown still, more often than not.
    const candidates = [...(subject.steps[step] as Step).candidates].sort((a, b) => Number(b === before) - Number(a === before) || b - a);
    for (const candidate of candidates) {
      shown.push(candidate);
      const found = search(step + 1);
      if (found !== 'none') return found;
      shown.pop();
    }
    return 'none';
  };
  return search(0);
}

function lastOf({ steps }: Case, shown: readonly number[], step: number): number {
  for (let at = step - 1; at >= 0; at--) if (steps[at]?.session === steps[step]?.session) return shown[at] as number;
  return 0;
}

/** Null where the steps so far make a circle. */
function constraints({ writes, steps, fresh, final }: Case, shown: readonly number[]): ReadonlySet<number>[] | null {
  const after = writes.map(() => new Set<number>());
  const add = (a: number, b: number) => void (a !== b && after[a]?.add(b));
  for (const { number } of writes) add(0, number);
  const last = new Map<string, { readonly write: number; readonly until: number }[]>();
  for (const [at, write] of shown.entries()) {
    const { session, at: from, until } = steps[at] as Step;
    const before = last.get(session) ?? [];
    for (const each of before) if (each.until <= from) add(each.write, write);
    // What is over by now is before all that is still to come, by way of this one.
    last.set(session, [...before.filter((each) => each.until > from), { write, until }]);
  }
  for (const { write, step } of fresh) if (step < shown.length) add(write, shown[step] as number);
  // What all end with is the last of all that was acknowledged.
  const end = final.length > 0 && shown.length === steps.length ? shown.at(-1) : undefined;
  if (end !== undefined)
    for (const { number, acknowledgedAt, implied } of writes) if (acknowledgedAt !== null && !implied) add(number, end);
  return hasCircle(after) ? null : after;
}

function hasCircle(after: readonly ReadonlySet<number>[]): boolean {
  const state = after.map(() => 0);
  const visit = (at: number): boolean => {
    if (state[at] === 1) return true;
    if (state[at] === 2) return false;
    state[at] = 1;
    for (const next of after[at] ?? []) if (visit(next)) return true;
    state[at] = 2;
    return false;
  };
  return after.some((_, at) => visit(at));
}

// ---- what is lost ----------------------------------------------------------------------------------------------------------------

/** Promises 1 and 5: an acknowledged write is live, was overwritten by somebody who had seen it, or is kept; an edit beats a deletion. */
function losses(subject: Case, { shown, after }: Order): string[] {
  const { writes, final, kept } = subject;
  if (final.length === 0) return [];
  const live = final[0]?.content ?? null;
  return writes.flatMap((write) => {
    const { content, acknowledgedAt, number, member, at } = write;
    if (acknowledgedAt === null || content === null || content === live || wasSeenByWriter(subject, shown, number)) return [];
    // Whether an unsure write counted nobody knows; where it did, its writer had seen this.
    if (writes.some((one) => one.over === content && one.at >= at)) return [];
    if (!kept.has(content)) return [`what ${member} wrote at ${at} is neither live nor kept, and nobody who had seen it wrote after it`];
    const rivals = writes.filter((one) => one.isEdit && one.number > 0 && one.number !== number && !isBefore(after, one.number, number));
    return live === null && rivals.length === 0 ? [`a deletion has won over the edit of ${member} at ${at}, which it had not seen`] : [];
  });
}

/** Somebody showed it, and wrote something else next. */
function wasSeenByWriter({ steps }: Case, shown: readonly number[], number: number): boolean {
  return steps.some(({ own, session }, at) => {
    if (!own || shown[at] === number) return false;
    return steps.slice(0, at).findLast((before) => before.session === session) !== undefined && showsBefore(steps, shown, at) === number;
  });
}

function showsBefore(steps: readonly Step[], shown: readonly number[], at: number): number | undefined {
  for (let before = at - 1; before >= 0; before--) if (steps[before]?.session === steps[at]?.session) return shown[before];
  return undefined;
}

function isBefore(after: readonly ReadonlySet<number>[], from: number, to: number): boolean {
  const seen = new Set<number>();
  const visit = (at: number): boolean => {
    if (at === to) return true;
    if (seen.has(at)) return false;
    seen.add(at);
    for (const next of after[at] ?? []) if (visit(next)) return true;
    return false;
  };
  return visit(from);
}
