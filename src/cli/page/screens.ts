import { systemTime } from '../../adapters/system.ts';
import { type BytePath, fromText, toText } from '../../model/path.ts';
import { insideRoot } from '../../model/typed-path.ts';
import { conflictsOf } from '../conflicts.ts';
import { readLog } from '../log.ts';
import { readJournal } from '../shares.ts';
import { heldOf } from './held.ts';
import { changesScreen } from './html/changes.ts';
import { heldScreen } from './html/held-screen.ts';
import type { Html } from './html/html.ts';
import { overview } from './html/overview.ts';
import { noPath, pathScreen } from './html/path-screen.ts';
import { shareScreen } from './html/share-screen.ts';
import { conflictScreen, messageScreen } from './html/small-screens.ts';
import type { Sight } from './looks.ts';
import { type Asked, here, isByScript, type Parts, type Screen } from './parts.ts';
import { traceOf } from './trace.ts';

/** Whoever opens the page waits so long for the bucket; the rest comes with the next look. */
const patienceMs = 1500;
const latestShown = 10;
const recordsShown = 50;
const pathsOfRecord = 5;
const pathsOfListed = 10;
const conflictsShown = 200;
const belowShown = 20;

type Show = (parts: Parts, asked: Asked) => Promise<Screen>;

/** By the last part of the path; '' is the overview. */
export const screens: Readonly<Record<string, Show>> = {
  '': async ({ looks }, { request }) => {
    const sights = await looks.all(isByScript(request) ? 0 : patienceMs);
    const latest = sights.flatMap((sight) => sight.latest);
    const changes = latest.sort((a, b) => b.row.atMs - a.row.atMs || b.row.sequence - a.row.sequence).slice(0, latestShown);
    return live('Overview', overview({ sights, changes, nowMs: systemTime.wallMs() }));
  },
  share: async (parts, asked) => {
    const sight = await sightOf(parts, asked, 'name');
    return sight === null ? noShare : live(sight.share.name, shareScreen(sight, sight.latest, systemTime.wallMs()));
  },
  held: async (parts, asked) => {
    const sight = await sightOf(parts, asked, 'share');
    const held = sight === null ? null : heldOf(parts.world, sight, asked.query.get('id') ?? '');
    if (held === null) return still(404, 'Not held', messageScreen('Not held', 'Nothing of that id is held any more.'));
    const { session } = asked.access;
    const access = session !== null ? 'signed-in' : parts.sessions.hasToken ? 'signed-out' : 'none';
    return still(200, 'Held', heldScreen(held, { access, proof: session?.proof ?? '', here: here(asked.request) }));
  },
  path: pathShown,
  changes: changesShown,
  conflicts: async (parts, asked) => {
    const sight = await sightOf(parts, asked, 'share');
    if (sight === null) return noShare;
    const { world } = parts;
    const name = sight.share.name;
    const found = readJournal(
      world,
      name,
      (journal) => journal?.transaction(() => conflictsOf(journal, name, world.config.member, conflictsShown + 1)) ?? [],
    );
    const shown = found.slice(0, conflictsShown);
    return live('Conflicts', conflictScreen(name, namesOf(parts), shown, found.length > shown.length));
  },
};

function live(title: string, main: Html): Screen {
  return { status: 200, title, main, isLive: true };
}

function still(status: number, title: string, main: Html): Screen {
  return { status, title, main, isLive: false };
}

const noShare = still(404, 'No such share', messageScreen('No such share', 'The daemon of this server follows no share of that name.'));

function namesOf({ followers }: Parts): string[] {
  return followers().map(({ share }) => share.name);
}

/** The share that is named, or the first one where none is. */
async function sightOf(parts: Parts, { query, request }: Asked, key: string): Promise<Sight | null> {
  const name = query.get(key) ?? namesOf(parts)[0] ?? '';
  return await parts.looks.one(toText(name), isByScript(request) ? 0 : patienceMs);
}

async function changesShown(parts: Parts, asked: Asked): Promise<Screen> {
  const sight = await sightOf(parts, asked, 'share');
  if (sight === null) return noShare;
  const { name } = sight.share;
  const before = /^\d{1,15}$/.exec(asked.query.get('before') ?? '')?.[0];
  const asking = { limit: recordsShown, paths: pathsOfListed, ...(before === undefined ? {} : { before: Number(before) }) };
  const records = readJournal(parts.world, name, (journal) => (journal === null ? [] : readLog(journal, name, '', asking)));
  const last = records.at(-1)?.row.sequence ?? 0;
  const older = records.length === recordsShown && last > 1 ? last : null;
  return live('Changes', changesScreen({ share: name, shares: namesOf(parts), records, older, nowMs: systemTime.wallMs() }));
}

async function pathShown(parts: Parts, asked: Asked): Promise<Screen> {
  const typed = (asked.query.get('path') ?? '').trim();
  const shares = namesOf(parts);
  const name = shareMeant(parts, asked, typed);
  const refused = (why: string) => still(why === '' ? 200 : 404, 'Path', noPath(shares, name ?? '', typed, why));
  if (typed === '') return refused('');
  const sight = name === null ? null : await parts.looks.one(name, isByScript(asked.request) ? 0 : patienceMs);
  if (sight === null) return refused('It is in none of the shares that this server follows.');
  const path = insideRoot(typed, fromText(sight.share.path));
  if (path === undefined) return refused(`It is outside of ${sight.share.path}.`);
  if (path === '') return refused('That is the share itself: it has a page of its own, and no versions.');
  const trace = traceOf(parts.world, sight, path);
  const listing = { limit: belowShown, paths: pathsOfRecord };
  const below = readJournal(parts.world, sight.share.name, (journal) =>
    journal === null || !isDirectory(trace.newest) ? [] : readLog(journal, sight.share.name, trace.path, listing),
  );
  return live(toText(path) || '.', pathScreen(trace, below, systemTime.wallMs()));
}

function isDirectory(newest: { readonly op: string; readonly entry: { readonly kind: string } | null } | null): boolean {
  return newest === null || newest.op === 'delete' || newest.entry?.kind === 'dir';
}

/** An absolute path says by itself which share is meant. */
function shareMeant({ followers }: Parts, { query }: Asked, typed: BytePath): string | null {
  const named = query.get('share');
  const within = followers().find(({ share }) => typed.startsWith('/') && insideRoot(typed, fromText(share.path)) !== undefined);
  if (within !== undefined) return within.share.name;
  return named === undefined || named === '' ? (followers()[0]?.share.name ?? null) : toText(named);
}
