import { expect, test } from 'vitest';
import { accessOf, isSentFromHere, isTrustedHost, mayDecide } from '../../../src/cli/page/access.ts';
import { Sessions } from '../../../src/cli/page/sessions.ts';

const token = 'a-token-0123456789';

function clock() {
  let nowMs = 0;
  const time = { wallMs: () => nowMs, monotonicMs: () => nowMs, sleep: () => Promise.resolve() };
  let drawn = 0;
  const random = { hex: (bytes: number) => String(drawn++).padStart(bytes * 2, '0'), fraction: () => 0 };
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { time, random, pass };
}

function request(headers: Readonly<Record<string, string>>) {
  return { header: (name: string) => headers[name] };
}

function signedIn(sessions: Sessions) {
  const session = sessions.signIn(token);
  if (typeof session === 'string') throw new Error(session);
  return session;
}

test('only the token opens a session, which ends after twelve hours, by signing out, and with the token', () => {
  const { time, random, pass } = clock();
  const sessions = new Sessions(token, random, time);
  for (const wrong of ['', token.slice(1), `${token} `, token.toUpperCase()]) expect(sessions.signIn(wrong)).toBe('wrong');
  const [first, second, third] = [signedIn(sessions), signedIn(sessions), signedIn(sessions)];
  expect(new Set([first.id, first.proof, second.id, second.proof]).size).toBe(4);
  expect(sessions.find(first.id)).toBe(first);
  sessions.signOut(first.id);
  expect(sessions.find(first.id)).toBeNull();
  sessions.renew(token);
  expect(sessions.find(second.id)).toBe(second);
  pass(12 * 3600 * 1000);
  expect(sessions.find(second.id)).toBeNull();
  const fourth = signedIn(sessions);
  sessions.renew('another-token-0123456789');
  expect([sessions.find(third.id), sessions.find(fourth.id), sessions.signIn(token)]).toEqual([null, null, 'wrong']);
});

test('after twenty wrong tokens in a minute not even the right one is taken, until the minute is over', () => {
  const { time, random, pass } = clock();
  const sessions = new Sessions(token, random, time);
  for (let tries = 0; tries < 20; tries++) expect(sessions.signIn('wrong')).toBe('wrong');
  expect(sessions.signIn(token)).toBe('later');
  pass(60_000);
  expect(typeof sessions.signIn(token)).toBe('object');
});

test('there are only so many sessions: the oldest gives way', () => {
  const { time, random } = clock();
  const sessions = new Sessions(token, random, time);
  const all = Array.from({ length: 101 }, () => signedIn(sessions));
  expect(all.map(({ id }) => sessions.find(id) === null).indexOf(false)).toBe(1);
});

test('without a token nobody is let in, whatever is sent', () => {
  const { time, random } = clock();
  const sessions = new Sessions(null, random, time);
  expect([sessions.hasToken, sessions.signIn(''), sessions.isToken(''), sessions.isToken('null')]).toEqual([false, 'wrong', false, false]);
});

test('the session is that of this port’s cookie, the token that of the header', () => {
  const { time, random } = clock();
  const sessions = new Sessions(token, random, time);
  const session = signedIn(sessions);
  const access = (headers: Record<string, string>) => accessOf(request(headers), sessions, 'flocksync-1');
  expect(access({ cookie: `a=b; flocksync-1=${session.id}; c=d` })).toEqual({ session, isBearer: false });
  expect(access({ cookie: `flocksync-2=${session.id}` }).session).toBeNull();
  expect(access({ cookie: 'flocksync-1' }).session).toBeNull();
  expect(access({ authorization: `Bearer ${token}` })).toEqual({ session: null, isBearer: true });
  for (const header of [token, `Basic ${token}`, `Bearer ${token}x`, 'Bearer '])
    expect(access({ authorization: header }).isBearer).toBe(false);
});

test('a form counts only with the proof of its own session, and not when another site has sent it', () => {
  const { time, random } = clock();
  const sessions = new Sessions(token, random, time);
  const [session, other] = [signedIn(sessions), signedIn(sessions)];
  const access = { session, isBearer: false };
  expect(mayDecide(request({}), access, session.proof)).toBe(true);
  expect(mayDecide(request({ 'sec-fetch-site': 'same-origin' }), access, session.proof)).toBe(true);
  for (const proof of ['', other.proof, session.id]) expect(mayDecide(request({}), access, proof)).toBe(false);
  for (const site of ['cross-site', 'same-site']) expect(mayDecide(request({ 'sec-fetch-site': site }), access, session.proof)).toBe(false);
  expect(mayDecide(request({}), { session: null, isBearer: false }, '')).toBe(false);
  expect(mayDecide(request({}), { session: null, isBearer: true }, '')).toBe(true);
  expect(isSentFromHere(request({ 'sec-fetch-site': 'none' }))).toBe(true);
});

test.each([
  ['127.0.0.1:8385', true],
  ['127.0.0.1', true],
  ['localhost:8385', true],
  ['LOCALHOST', true],
  ['[::1]:8385', true],
  ['192.0.2.7', true],
  ['evil.example:8385', false],
  ['127.0.0.1.evil.example', false],
  ['localhost.evil.example', false],
  ['127.0.0.1@evil.example', false],
  ['[::1', false],
  ['', false],
  [undefined, false],
])('Host %s: a browser may have been sent here under it: %s', (host, isTrusted) => expect(isTrustedHost(host)).toBe(isTrusted));
