import { describe, expect, test } from 'vitest';
import { type Content, type Event, unexplained } from './oracle.ts';

const wrote = (member: string, at: number, content: Content, path = 'p'): Event => ({ what: 'write', member, path, content, at });
const saw = (member: string, at: number, content: Content, path = 'p'): Event => ({ what: 'seen', member, path, content, at });
const synced = (member: string, at: number, until = at + 1): Event => ({ what: 'synced', member, at, until });
const kept = (content: Content, path = 'p'): Event => ({ what: 'kept', path, content });
const ends = (content: Content, members = ['a', 'b'], path = 'p'): Event[] =>
  members.map((member) => ({ what: 'final', member, path, content }));
/** By a member of which nobody has seen yet that it joined. */
const deletedUnsurely = (member: string, at: number, over: Content): Event => ({ ...deed(member, at), unsure: true, over });
const madeDirectory = (member: string, at: number, path = 'p'): Event => ({ ...deed(member, at), path, directory: true });
const deed = (member: string, at: number) => ({ what: 'write', member, path: 'p', content: null, at }) as const;
const reset = (member: string, at: number): Event => ({ what: 'reset', member, at });

/** A version that both members have. */
const shared: Event[] = [wrote('a', 1, 'v1'), synced('a', 2), synced('b', 4), saw('b', 5, 'v1')];

const impossible: Record<string, [Event[], RegExp]> = {
  'content that nobody wrote': [[...shared, saw('b', 6, 'foreign')], /nobody had written/],
  'content that is seen before it is written': [[saw('b', 1, 'v1'), wrote('a', 2, 'v1')], /nobody had written/],
  'half of what was written': [[wrote('a', 1, 'whole'), synced('a', 2), synced('b', 4), saw('b', 5, 'who')], /nobody had written/],
  'an acknowledged write that is gone in the end': [[wrote('a', 1, 'v1'), synced('a', 2), ...ends(null)], /no order/],
  'an acknowledged write that was overwritten unseen, and is not kept': [
    [...shared, saw('a', 10, 'v1'), wrote('a', 10, 'A'), wrote('b', 10, 'B'), synced('a', 11), synced('b', 13), ...ends('B')],
    /neither live nor kept/,
  ],
  'a deleted file that is back on a member': [
    [...shared, wrote('a', 10, null), synced('a', 11), synced('b', 13), saw('b', 14, null), saw('b', 15, 'v1')],
    /no order/,
  ],
  'an acknowledged deletion that leads to nothing': [
    [...shared, saw('a', 10, 'v1'), wrote('a', 10, null), synced('a', 11), ...ends('v1')],
    /no order/,
  ],
  'two members that see two writes in opposite orders': [
    [...shared, wrote('a', 10, 'A'), wrote('b', 10, 'B'), saw('c', 12, 'A'), saw('c', 13, 'B'), saw('d', 12, 'B'), saw('d', 13, 'A')],
    /no order/,
  ],
  'a member that goes back to an older version': [
    [...shared, saw('a', 9, 'v1'), wrote('a', 10, 'v2'), synced('a', 11), synced('b', 13), saw('b', 14, 'v2'), saw('b', 15, 'v1')],
    /no order/,
  ],
  'a sync that returned 0 and has left the old version': [
    [...shared, wrote('a', 10, 'v2'), synced('a', 11), synced('b', 13), saw('b', 15, 'v1')],
    /no order/,
  ],
  'a sync during which somebody wrote elsewhere, and that has left the old version': [
    [...shared, wrote('a', 10, 'v2'), synced('a', 11, 14), wrote('b', 12, 'B'), synced('c', 15), saw('c', 17, 'v1')],
    /no order/,
  ],
  'a deletion in the midst of one sync that the next one, undisturbed, has not published': [
    [...shared, wrote('b', 10, 'v2'), synced('b', 11, 14), wrote('b', 12, null), synced('b', 15), synced('a', 17), saw('a', 19, 'v1')],
    /no order/,
  ],
  'members that end unlike each other': [[...shared, ...ends('v1', ['a']), ...ends(null, ['b'])], /different contents/],
  'an end that is older than what was acknowledged': [
    [...shared, saw('a', 9, 'v1'), wrote('a', 10, 'v2'), synced('a', 11), ...ends('v1')],
    /no order/,
  ],
  'an own edit that is undone by nobody': [[...shared, saw('a', 9, 'v1'), wrote('a', 10, 'v2'), saw('a', 12, 'v1')], /no order/],
  'an error that is taken for an absence': [[...shared, synced('b', 10), saw('b', 12, null)], /no order/],
  'an edit that loses to a deletion which had not seen it': [
    [...shared, saw('a', 9, 'v1'), wrote('a', 10, 'A'), wrote('b', 10, null), synced('a', 11), synced('b', 13), kept('A'), ...ends(null)],
    /a deletion has won/,
  ],
  'an edit that loses to the deletion of an older version by a member that may not have joined': [
    [
      ...[...shared, saw('a', 9, 'v1'), wrote('a', 10, 'A'), saw('b', 10, 'v1'), deletedUnsurely('b', 10, 'v1')],
      ...[synced('a', 11), synced('b', 13), kept('A'), ...ends(null)],
    ],
    /a deletion has won/,
  ],
  'a circle of three writes on three members': [
    [
      ...[wrote('a', 1, 'A'), wrote('b', 1, 'B'), wrote('c', 1, 'C')],
      ...[saw('d', 2, 'A'), saw('d', 3, 'B'), saw('e', 2, 'B'), saw('e', 3, 'C'), saw('f', 2, 'C'), saw('f', 3, 'A')],
    ],
    /no order/,
  ],
};

const possible: Record<string, Event[]> = {
  'nothing at all': [],
  'a version that travels': [...shared, ...ends('v1')],
  'a version that is seen while it is being written': [
    { ...(wrote('a', 1, 'v1') as Event & { what: 'write' }), until: 5 },
    saw('a', 3, 'v1'),
    saw('a', 4, 'v1'),
  ],
  'a conflict of which the loser is kept': [
    ...[...shared, saw('a', 9, 'v1'), wrote('a', 10, 'A'), wrote('b', 10, 'B'), synced('a', 11), synced('b', 13), synced('a', 15)],
    ...[saw('a', 17, 'B'), kept('A'), ...ends('B')],
  ],
  'three at once, two of them kept': [
    ...[wrote('a', 1, 'A'), wrote('b', 1, 'B'), wrote('c', 1, 'C'), synced('a', 2), synced('b', 4), synced('c', 6), kept('A'), kept('C')],
    ...ends('B', ['a', 'b', 'c']),
  ],
  'an edit that beats a deletion': [
    ...[
      ...shared,
      saw('a', 9, 'v1'),
      wrote('a', 10, 'A'),
      wrote('b', 10, null),
      synced('b', 11),
      synced('a', 13),
      synced('b', 15),
      saw('b', 17, 'A'),
    ],
    ...ends('A'),
  ],
  'a deletion that travels': [
    ...shared,
    saw('a', 9, 'v1'),
    wrote('a', 10, null),
    synced('a', 11),
    synced('b', 13),
    saw('b', 15, null),
    ...ends(null),
  ],
  'a version that vanishes in the midst of the sync that was to publish it': [
    ...[...shared, wrote('b', 10, 'v2'), synced('b', 11, 14), wrote('b', 12, null), synced('a', 15), saw('a', 17, 'v1')],
    ...[synced('b', 18), synced('a', 20), saw('a', 22, null), ...ends(null)],
  ],
  'a file that is made again after its deletion': [
    ...[
      ...shared,
      wrote('a', 10, null),
      synced('a', 11),
      synced('b', 13),
      saw('b', 15, null),
      wrote('b', 16, 'v2'),
      synced('b', 17),
      synced('a', 19),
    ],
    ...ends('v2'),
  ],
  'the same deletion on two members': [
    ...shared,
    saw('a', 9, 'v1'),
    wrote('a', 10, null),
    wrote('b', 10, null),
    synced('a', 11),
    synced('b', 11),
    ...ends(null),
  ],
  'an old version that somebody brings back': [
    ...[
      ...shared,
      saw('a', 9, 'v1'),
      wrote('a', 10, 'v2'),
      synced('a', 11),
      synced('b', 13),
      saw('b', 15, 'v2'),
      wrote('b', 16, 'v1'),
      synced('b', 17),
    ],
    ...[synced('a', 19), saw('a', 21, 'v1'), ...ends('v1')],
  ],
  'the same content on two members': [wrote('a', 1, 'same'), wrote('b', 1, 'same'), synced('a', 2), synced('b', 2), ...ends('same')],
  'a write that nobody acknowledged, on a disk that is gone': [
    ...shared,
    wrote('a', 10, 'v2'),
    reset('a', 12),
    synced('a', 13),
    saw('a', 15, 'v1'),
    ...ends('v1'),
  ],
  'a restored disk that shows old content until its next sync': [
    ...[
      ...shared,
      saw('b', 9, 'v1'),
      wrote('a', 10, 'v2'),
      synced('a', 11),
      synced('b', 13),
      saw('b', 15, 'v2'),
      reset('b', 16),
      saw('b', 17, 'v1'),
    ],
    ...[synced('b', 18), saw('b', 20, 'v2'), ...ends('v2')],
  ],
  'a member that comes late and sees the last version alone': [
    ...[
      ...shared,
      saw('a', 9, 'v1'),
      wrote('a', 10, 'v2'),
      synced('a', 11),
      synced('b', 13),
      synced('c', 20),
      saw('c', 22, 'v2'),
      ...ends('v2', ['a', 'b', 'c']),
    ],
  ],
  'a directory that outlives a file in its place': [
    ...[
      wrote('a', 1, 'x', 'd/f'),
      synced('a', 2),
      synced('b', 4),
      saw('b', 5, null, 'd'),
      wrote('b', 6, null, 'd/f'),
      wrote('b', 6, 'file', 'd'),
    ],
    ...[wrote('a', 6, 'y', 'd/f'), synced('a', 7), synced('b', 9), saw('b', 11, null, 'd'), saw('b', 11, 'y', 'd/f'), kept('file', 'd')],
    ...[...ends('y', ['a', 'b'], 'd/f'), ...ends(null, ['a', 'b'], 'd')],
  ],
  'a directory that was made where somebody else puts a link': [
    ...[saw('a', 1, null), madeDirectory('a', 1), synced('a', 2), saw('b', 1, null), wrote('b', 1, 'link'), synced('b', 4)],
    ...[saw('b', 5, null), kept('link'), ...ends(null)],
  ],
  'a directory that was made below one, where somebody else puts a link': [
    ...[saw('a', 1, null), madeDirectory('a', 1, 'p/d'), synced('a', 2), saw('b', 1, null), wrote('b', 1, 'link'), synced('b', 4)],
    ...[saw('b', 5, null), kept('link'), ...ends(null)],
  ],
  'a deletion by a member that may not have joined, and had seen what it deletes': [
    ...[...shared, saw('a', 9, 'v1'), wrote('a', 10, 'A'), synced('a', 11), reset('b', 13), saw('b', 14, 'A')],
    ...[saw('b', 15, 'A'), deletedUnsurely('b', 15, 'A'), synced('b', 16), kept('A'), ...ends(null)],
  ],
  'a chain of edits, each by one who has seen the last': [
    ...[
      ...shared,
      wrote('b', 6, 'v2'),
      synced('b', 7),
      synced('a', 9),
      saw('a', 11, 'v2'),
      wrote('a', 12, 'v3'),
      synced('a', 13),
      synced('b', 15),
    ],
    ...ends('v3'),
  ],
};

describe('no order of the writes explains', () => {
  test.each(Object.entries(impossible))('%s', (_, [history, fault]) => {
    expect(unexplained(history)).toContainEqual(expect.stringMatching(fault));
  });
});

describe('some order of the writes explains', () => {
  test.each(Object.entries(possible))('%s', (_, history) => {
    expect(unexplained(history)).toEqual([]);
  });
});

test('what one path does says nothing of another', () => {
  const other = shared.map((event) => ('path' in event ? { ...event, path: 'q' } : event));
  expect(unexplained([...shared, ...other, saw('b', 6, 'foreign', 'q')])).toEqual([
    'q: b#0 at 6 shows what nobody had written there by then',
  ]);
});

test('a deletion may be any of many, and the answer comes soon', () => {
  const many = Array.from({ length: 12 }, (_, at): Event[] => [
    ...[wrote('a', at * 10, `v${at}`), synced('a', at * 10 + 1), synced('b', at * 10 + 3), saw('b', at * 10 + 5, `v${at}`)],
    ...[wrote(at % 2 === 0 ? 'a' : 'b', at * 10 + 6, null), saw('a', at * 10 + 7, at % 2 === 0 ? null : `v${at}`)],
  ]).flat();
  expect(unexplained(many)).toEqual([]);
});
