import { type PageAnswer, type PageRequest, plain } from '../../adapters/page-server.ts';
import { JournalFault } from '../../ports/journal.ts';
import { accessOf, cookieName, isSentFromHere, isTrustedHost, mayDecide } from './access.ts';
import { heldOf } from './held.ts';
import { screen } from './html/frame.ts';
import { messageScreen, signInScreen } from './html/small-screens.ts';
import { machineRoutes } from './machine-routes.ts';
import { type Asked, frameOf, here, type Parts, type Screen } from './parts.ts';
import { parseQuery } from './query.ts';
import { screens } from './screens.ts';
import { type Note, type Session, tell } from './sessions.ts';

/** Answers one request. Throws only for defects. */
export async function answerPage(parts: Parts, request: PageRequest): Promise<PageAnswer> {
  const { config, sessions } = parts;
  if (config.loopback && !isTrustedHost(request.header('host'))) return plain(421, strangeHost);
  const access = accessOf(request, sessions, cookieName(config.port));
  const asked = { request, access, query: parseQuery(request.query) };
  const name = request.path.replace(/^\//, '');
  const open = openRoutes(parts, name);
  if (open !== null) return open;
  const isReader = config.loopback || access.session !== null || access.isBearer;
  const machine = machineRoutes[name];
  if (machine !== undefined) return machine.isOpen || isReader ? await machine.answer(parts, asked, isReader) : unauthorized;
  if (request.method === 'POST') return await posted(parts, asked, name);
  if (name === 'sign-in') return signInPage(parts, asked, '');
  const shown = Object.hasOwn(screens, name) ? screens[name] : undefined;
  if (shown === undefined)
    return page(parts, asked, {
      status: 404,
      title: 'Not found',
      main: messageScreen('Not found', 'There is no such page.'),
      isLive: false,
    });
  if (!isReader) return redirect(`sign-in?next=${encodeURIComponent(here(request))}`);
  return await show(parts, asked, shown);
}

const strangeHost =
  'This page answers to an address or to localhost alone, so that no other site can read it. A web server in front of it has to pass on its own Host header: in nginx leave out "proxy_set_header Host".';
const unauthorized = plain(401, 'Send the token: Authorization: Bearer TOKEN', { 'WWW-Authenticate': 'Bearer' });

/** What holds nothing to be kept from anybody. */
function openRoutes({ files }: Parts, name: string): PageAnswer | null {
  const file = (type: string, body: Buffer) => ({
    status: 200,
    headers: { 'Content-Type': type, 'Cache-Control': 'private, max-age=604800' },
    body,
  });
  if (name === 'page.css') return file('text/css; charset=utf-8', files.style);
  if (name === 'live.js') return file('text/javascript; charset=utf-8', files.script);
  if (name === 'icon.svg') return file('image/svg+xml', files.icon);
  return null;
}

async function show(parts: Parts, asked: Asked, shown: (parts: Parts, asked: Asked) => Promise<Screen>): Promise<PageAnswer> {
  try {
    return page(parts, asked, await shown(parts, asked));
  } catch (error) {
    if (!(error instanceof JournalFault)) throw error;
    const text = `The journal cannot be read: ${error.message} The daemon sets a damaged one aside and rebuilds it.`;
    return page(parts, asked, { status: 503, title: 'No journal', main: messageScreen('No journal', text), isLive: true });
  }
}

function page(parts: Parts, asked: Asked, { status, title, main, isLive }: Screen): PageAnswer {
  return { status, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body: screen(frameOf(parts, asked), title, main, isLive) };
}

function redirect(to: string, headers: PageAnswer['headers'] = {}): PageAnswer {
  return { status: 303, headers: { Location: to, ...headers }, body: '' };
}

// ---- what is sent ------------------------------------------------------------------------------------------------------------

async function posted(parts: Parts, asked: Asked, name: string): Promise<PageAnswer> {
  const { request } = asked;
  if (!/^application\/x-www-form-urlencoded\b/i.test(request.header('content-type') ?? '')) return plain(415, 'Send a form.');
  const form = parseQuery(request.body);
  if (name === 'sign-in') return signIn(parts, asked, form);
  if (name !== 'decide' && name !== 'sign-out') return plain(404, 'There is no such form.');
  if (!parts.sessions.hasToken) return plain(403, 'This page is read-only: the config has no pageToken.');
  if (!mayDecide(request, asked.access, form.get('proof') ?? ''))
    return page(parts, asked, {
      status: 403,
      title: 'Not signed in',
      main: messageScreen('Not signed in', 'The session is over, or this form was not sent by this page. Sign in and try again.'),
      isLive: false,
    });
  if (name === 'decide') return await decide(parts, asked, form);
  parts.sessions.signOut(asked.access.session?.id ?? '');
  return redirect('.', { 'Set-Cookie': `${cookieName(parts.config.port)}=; Max-Age=0; HttpOnly; SameSite=Strict` });
}

const nextPattern = /^(?:\.|[a-z-]+(?:\?[A-Za-z0-9%&=._~/+-]*)?)$/;

function signIn(parts: Parts, asked: Asked, form: ReadonlyMap<string, string>): PageAnswer {
  const { sessions, config } = parts;
  if (!sessions.hasToken) return plain(403, 'This page is read-only: the config has no pageToken.');
  if (!isSentFromHere(asked.request)) return plain(403, 'That form was sent by another site.');
  const session = sessions.signIn(form.get('token') ?? '');
  if (session === 'later') return signInPage(parts, asked, 'Too many wrong tokens: wait a minute.', 429);
  if (session === 'wrong') return signInPage(parts, asked, 'That is not the token.', 403);
  const next = form.get('next') ?? '';
  const secure = asked.request.header('x-forwarded-proto') === 'https' ? '; Secure' : '';
  const cookie = `${cookieName(config.port)}=${session.id}; Max-Age=43200; HttpOnly; SameSite=Strict${secure}`;
  return redirect(nextPattern.test(next) ? next : '.', { 'Set-Cookie': cookie });
}

function signInPage(parts: Parts, asked: Asked, fault: string, status = 200): PageAnswer {
  const next = asked.query.get('next') ?? '.';
  if (!parts.sessions.hasToken)
    return page(parts, asked, {
      status: 404,
      title: 'Read-only',
      main: messageScreen('Read-only', 'The config of this server has no pageToken, so nobody can decide anything here.'),
      isLive: false,
    });
  return page(parts, asked, { status, title: 'Sign in', main: signInScreen(nextPattern.test(next) ? next : '.', fault), isLive: false });
}

/** Only about what is held now and shown as such: nothing else is decided here. */
async function decide(parts: Parts, asked: Asked, form: ReadonlyMap<string, string>): Promise<PageAnswer> {
  const { session, isBearer } = asked.access;
  const [share = '', id = '', verdict] = [form.get('share'), form.get('id'), form.get('verdict')];
  if (verdict !== 'approve' && verdict !== 'reject') return plain(400, 'Say verdict=approve or verdict=reject.');
  const sight = await parts.looks.one(share, patienceMs);
  const held = sight === null ? null : heldOf(parts.world, sight, id);
  if (held === null || held.state !== 'open')
    return told(session, isBearer, 404, [{ isBad: true, text: 'Nothing of that id is held any more.' }]);
  const decided = await parts.decisions.decide(verdict, share, id);
  parts.looks.renew(share);
  for (const follower of parts.followers()) if (follower.share.name === share) follower.askCycle();
  if (decided === null) return told(session, isBearer, 503, [{ isBad: true, text: 'Other decisions are waiting: try again in a minute.' }]);
  const text = verdict === 'approve' ? 'Approved.' : 'Rejected.';
  const notes = decided.code === 0 ? [{ isBad: false, text }, ...decided.notes] : decided.notes;
  return told(session, isBearer, decided.code === 0 ? 200 : 409, notes, share);
}

const patienceMs = 3000;

/** A browser is led on, so that a reload sends nothing again; a program gets the words. */
function told(session: Session | null, isBearer: boolean, status: number, notes: readonly Note[], share = ''): PageAnswer {
  if (session === null || isBearer) return plain(status, notes.map(({ text }) => text).join('\n'));
  tell(session, notes);
  return redirect(share === '' ? '.' : `share?name=${encodeURIComponent(share)}`);
}
