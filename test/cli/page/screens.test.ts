import { expect, test } from 'vitest';
import type { Held } from '../../../src/cli/page/held.ts';
import { screen } from '../../../src/cli/page/html/frame.ts';
import { heldScreen } from '../../../src/cli/page/html/held-screen.ts';
import { html } from '../../../src/cli/page/html/html.ts';
import { needsOf, stateOf } from '../../../src/cli/page/html/needs.ts';
import { overview } from '../../../src/cli/page/html/overview.ts';
import { verdictOf } from '../../../src/cli/page/html/path-screen.ts';
import { shareScreen } from '../../../src/cli/page/html/share-screen.ts';
import type { Reached, Trace } from '../../../src/cli/page/trace.ts';
import { DatastoreFault } from '../../../src/ports/datastore.ts';
import { heardOf, localWith, nowMs, sightOf } from './scene.ts';

const evil = '<script>x</script>\u202e';
const halt = { code: 'root-missing', text: 'the root is gone', fix: 'Mount it.' };
const problem = { key: 'k', code: 'unreadable', path: 'a\xff', text: 'cannot be read', fix: 'chmod it.', sinceMs: 0, printedMs: 0 };
const hold = { id: 'ab12', kind: 'publisher', sinceMs: nowMs, state: 'open', detail: '', paths: 36, first: ['d0/f0'] } as const;
const away = new DatastoreFault('transient', 'unreachable', 'no connection', 'Look at the network.');

test.each([
  ['up to date', {}, 'good'],
  ['not synced yet', { local: null }, 'busy'],
  ['halted', { local: localWith({ halt, problems: [problem] }) }, 'bad'],
  ['held', { local: localWith({ holds: [hold], problems: [problem] }) }, 'warn'],
  ['1 problem', { local: localWith({ problems: [problem] }) }, 'warn'],
  ['no answer', { fault: away, head: null }, 'warn'],
  ['joining', { local: localWith({ joined: false }) }, 'busy'],
  ['catching up', { head: 9 }, 'busy'],
  ['catching up', { local: localWith({ appliedTo: 5 }) }, 'busy'],
  ['asking', { head: null }, 'busy'],
] as const)('a share is %s', (word, changes, tone) => expect(stateOf(sightOf('web', changes))).toEqual({ tone, word }));

test('a share whose journal cannot be read says so, and nothing breaks', () => {
  const sight = { ...sightOf('web'), status: null, trouble: 'the journal cannot be read: it is malformed.' };
  expect(stateOf(sight)).toEqual({ tone: 'bad', word: 'no journal' });
  expect(overview({ sights: [sight], changes: [], nowMs }).html).toContain('it is malformed');
  expect(shareScreen(sight, [], nowMs).html).toContain('no journal');
});

test('what needs somebody: own halts, holds, problems and the bucket, with what helps; then what others say', () => {
  const others = [
    heardOf('web-a', { halt: { code: 'x', text: 'this is me, and told already' } }),
    heardOf('web-b', {
      ...{ halt: { code: 'root-emptied', text: 'the root is empty' }, holds: [{ id: 'cd34', paths: 2, why: '' }] },
      troubles: [
        { code: 'disk-full', path: 'big', text: 'no room' },
        { code: 'held', path: '', text: 'told by the hold' },
      ],
    }),
    heardOf('web-c', {}, 4 * 60_000),
    heardOf('web-d', { halt: { code: 'x', text: 'long gone' } }, 8 * 24 * 3600 * 1000),
  ];
  const needs = needsOf(sightOf('web', { local: localWith({ halt, holds: [hold], problems: [problem] }), fault: away, members: others }));
  expect(needs.map(({ member, path, text, fix, href }) => [member, path, text, fix, href])).toEqual([
    ['', '', 'the root is gone', 'Mount it.', 'share?name=web'],
    ['', '', '36 deletions made here are held', '', 'held?share=web&id=ab12'],
    ['', 'a\\xff', 'cannot be read', 'chmod it.', ''],
    ['', '', 'The bucket gives no answer (unreachable): no connection', 'Look at the network.', ''],
    ['web-b', '', 'the root is empty', '', ''],
    ['web-b', '', '2 deletions are held there', '', 'held?share=web&id=cd34'],
    ['web-b', 'big', 'no room', '', ''],
    ['web-c', '', 'Not heard of for 4 min', '', ''],
  ]);
});

test('trouble with the bucket is told once: as it is now, else as the last cycle met it', () => {
  const local = localWith({ problems: [{ ...problem, code: 'datastore', path: null, text: 'timeout', fix: 'Wait.' }] });
  const texts = (fault: DatastoreFault | null) => needsOf(sightOf('web', { local, fault, members: [] })).map(({ text }) => text);
  expect(texts(away)).toEqual(['The bucket gives no answer (unreachable): no connection']);
  expect(texts(null)).toEqual(['The last cycle could not use the bucket (timeout)']);
});

test('everything that comes from bucket or disk is shown as text on every screen', () => {
  const local = localWith({
    ...{ halt: { code: 'x', text: evil, fix: evil }, problems: [{ ...problem, path: evil, text: evil, fix: evil }] },
    ...{
      holds: [{ ...hold, id: evil, kind: 'check', detail: evil, first: [evil] }],
      deviations: { count: 1, first: [{ path: evil, why: evil }] },
    },
  });
  const told = { code: evil, path: evil, text: evil };
  const progress = { phase: evil, filesDone: 1, filesTotal: 2, bytesDone: 0, bytesTotal: 0, leftMs: 1 };
  const said = { version: evil, role: evil, holds: [{ id: evil, paths: 1, why: evil }], troubles: [told], halt: told, progress };
  const sight = sightOf('web', { local, members: [heardOf(evil, said), heardOf('web-a')] });
  const frame = {
    federation: evil,
    member: evil,
    version: evil,
    stamp: evil,
    access: 'signed-in',
    proof: evil,
    here: evil,
    notes: [{ isBad: true, text: evil }],
  } as const;
  const held: Held = {
    share: evil,
    id: evil,
    member: evil,
    isHere: true,
    kind: 'check',
    state: 'open',
    paths: 1,
    first: [evil],
    why: evil,
    sinceMs: 0,
  };
  for (const main of [
    overview({ sights: [sight], changes: [], nowMs }),
    shareScreen(sight, [], nowMs),
    heldScreen(held, frame),
    html`${evil}`,
  ]) {
    const page = screen(frame, evil, main);
    expect(page).toContain('&lt;script&gt;x');
    expect(page).not.toContain('<script>x');
    expect(page).not.toContain('\u202e');
  }
});

test('a command to copy holds no other command, whoever has chosen the id', () => {
  const held: Held = {
    share: 'web',
    id: "$(id)'; rm",
    member: 'b',
    isHere: true,
    kind: 'publisher',
    state: 'open',
    paths: 1,
    first: [],
    why: '',
    sinceMs: 0,
  };
  const page = heldScreen(held, { access: 'none', proof: '', here: '' }).html;
  expect(page).toContain('flocksync approve &#39;$(id)&#39;\\&#39;&#39;; rm&#39; --share web');
});

test.each([
  ['none', 'publisher', true, ['flocksync approve', 'flocksync reject'], ['<form']],
  ['signed-out', 'receiver', true, ['Sign in to decide', 'flocksync reject'], ['<form']],
  ['signed-in', 'publisher', true, ['value="approve"', 'value="reject"', 'value="PROOF"'], ['flocksync approve']],
  ['signed-in', 'check', true, ['without the check'], ['value="reject"']],
  ['signed-in', 'other', false, ['value="approve"'], ['value="reject"']],
] as const)('%s, a hold of kind %s (here: %s) can be decided as far as it can', (access, kind, isHere, shown, hidden) => {
  const held: Held = {
    share: 'web',
    id: 'ab12',
    member: 'web-b',
    isHere,
    kind,
    state: 'open',
    paths: 3,
    first: ['x'],
    why: '',
    sinceMs: nowMs,
  };
  const page = heldScreen(held, { access, proof: 'PROOF', here: 'held?share=web&id=ab12' }).html;
  for (const words of shown) expect(page).toContain(words);
  for (const words of hidden) expect(page).not.toContain(words);
});

const newest = { path: 'x', version: 7, k: 0, op: 'put', entry: null, against: 0, atMs: nowMs, author: 'web-a', approved: false } as const;
const reached = (state: Reached['state']): Reached => ({ name: 'm', isSelf: false, state, appliedTo: 7, why: '', agoMs: 0 });
const trace: Trace = {
  share: 'web',
  path: 'x',
  here: 'agreed',
  why: '',
  newest,
  versions: [newest],
  more: false,
  members: [reached('has')],
  isAsked: true,
};

test.each([
  ['Yes, everywhere', {}],
  ['Yes, everywhere', { members: [reached('has'), reached('has')] }],
  ['Not everywhere yet', { members: [reached('has'), reached('lagging'), reached('silent')] }],
  ['Everywhere but on silent servers', { members: [reached('has'), reached('silent')] }],
  ['Asking', { isAsked: false }],
  ['Not published yet', { here: 'unpublished', why: 'it is new here', newest: null, members: [] }],
  ['Excluded', { here: 'excluded', newest: null, members: [] }],
  ['Not readable', { here: 'unreadable' }],
  ['Not known', { newest: null, versions: [], members: [] }],
] as const)('has it reached every server? %s', (word, changes) => expect(verdictOf({ ...trace, ...changes }).word).toBe(word));

test('100 shares with 200 members each, all of them in trouble, make a page of bounded size in a bounded time', () => {
  const troubles = [{ code: 'unreadable', path: 'x', text: 'cannot be read' }];
  const members = Array.from({ length: 200 }, (_, n) => heardOf(`web-${n}`, { troubles, problems: 1 }));
  const sights = Array.from({ length: 100 }, (_, n) => sightOf(`share${n}`, { members, selfId: 'id-web-0' }));
  const startedMs = process.cpuUsage().user / 1000;
  const page = screen(
    { federation: 'f', member: 'm', version: '1', stamp: '', access: 'none', proof: '', here: '.', notes: [] },
    'x',
    overview({ sights, changes: [], nowMs }),
  );
  // About 50 ms on a quiet machine.
  expect(process.cpuUsage().user / 1000 - startedMs).toBeLessThan(2000);
  expect(page.length).toBeLessThan(400_000);
  expect(page).toContain('19,900 things elsewhere');
  expect(page).toContain('… and 19,860 more');
});
