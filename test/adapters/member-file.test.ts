import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openMember } from '../../src/adapters/member-file.ts';
import { systemRandom } from '../../src/adapters/system.ts';
import { temporaryDirectory } from './temporary.ts';

const shareId = 'a'.repeat(32);
const open = (state: string) => openMember(state, 'web-a', systemRandom);
/** Above the largest pid that Linux gives. */
const deadPid = 4_194_305;

test('the id and the positions survive', () => {
  const state = temporaryDirectory();
  const first = open(state);
  first.remember('web', shareId, 7);
  const second = open(state);
  expect(second.id).toBe(first.id);
  expect(second.lastKnown('web')).toEqual({ shareId, cursor: 7 });
  expect(second.shareNames()).toEqual(['web']);
});

test('R-J4: a new id holds for every process of the state, also for one that opened the file before', () => {
  const state = temporaryDirectory();
  const early = open(state);
  const clone = open(state);
  clone.renew();
  early.remember('web', shareId, 1);
  expect(early.id).toBe(clone.id);
  expect(open(state).id).toBe(clone.id);
});

test('positions of other shares are kept', () => {
  const state = temporaryDirectory();
  const [one, two] = [open(state), open(state)];
  one.remember('web', shareId, 1);
  two.remember('etc', shareId, 2);
  expect(open(state).shareNames().sort()).toEqual(['etc', 'web']);
});

test('what a killed process left goes with the next write, a living one keeps its file', () => {
  const state = temporaryDirectory();
  const member = open(state);
  writeFileSync(join(state, `member.json.${deadPid}`), '');
  writeFileSync(join(state, `member.json.${process.ppid}`), '');
  member.remember('web', shareId, 1);
  expect(readdirSync(state).sort()).toEqual(['member.json', `member.json.${process.ppid}`]);
});

test('a file that cannot be read is replaced by a new member', () => {
  const state = temporaryDirectory();
  writeFileSync(join(state, 'member.json'), '{"schema":1,"id":"');
  const { id } = open(state);
  expect(JSON.parse(readFileSync(join(state, 'member.json'), 'utf8'))).toMatchObject({ id });
});

test('a temporary member writes nothing', () => {
  const state = temporaryDirectory();
  openMember(state, '', systemRandom, { temporary: true }).remember('web', shareId, 1);
  expect(readdirSync(state)).toEqual([]);
});
