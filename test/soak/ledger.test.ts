import { expect, test } from 'vitest';
import { Contest } from './contest.ts';
import { Ledger, type Sight } from './ledger.ts';

const [one, two, three]: Sight[] = ['file 3 one', 'file 3 two', 'file 5 three'];
const at = (sights: Record<string, Sight>) => new Map(Object.entries(sights));
const none = at({});

/** `p/x` was one, then two, then gone, then three. */
function lived(): Ledger {
  const ledger = new Ledger();
  const steps = [none, at({ 'p/x': one as Sight }), at({ 'p/x': two as Sight }), none, at({ 'p/x': three as Sight })];
  for (const [index, step] of steps.entries()) if (index > 0) ledger.wrote(steps[index - 1] ?? none, step);
  return ledger;
}

test.each<[string, Sight[]]>([
  ['everything in turn', ['absent', one, two, 'absent', three] as Sight[]],
  ['with versions left out', ['absent', two, three] as Sight[]],
  ['the same twice', [one, one, three, three] as Sight[]],
  ['a file that is being written', [one, two, 'absent', 'file 2 thr', three] as Sight[]],
])('a reader may see %s', (_, sights) => {
  const ledger = lived();
  for (const sight of sights) expect(ledger.observe('b', 'p/', sight === 'absent' ? none : at({ 'p/x': sight }))).toEqual([]);
  expect(ledger.observations).toBe(sights.length);
});

test.each<[string, Sight[]]>([
  ['an older version again', [two, one] as Sight[]],
  ['a deleted file again', [two, 'absent', two] as Sight[]],
  ['an absence of what came back', [three, 'absent'] as Sight[]],
  ['what nobody wrote', ['file 9 other'] as Sight[]],
  ['another kind', ['dir'] as Sight[]],
])('a reader may not see %s', (_, sights) => {
  const ledger = lived();
  const faults = sights.flatMap((sight) => ledger.observe('b', 'p/', sight === 'absent' ? none : at({ 'p/x': sight })));
  expect(faults).toEqual([expect.stringContaining('b shows "p/x"')]);
});

test('a path may be absent for a moment only where another kind takes its place', () => {
  const ledger = new Ledger();
  ledger.wrote(none, at({ 'p/x': 'dir', 'p/y': one as Sight }));
  ledger.observe('b', 'p/', at({ 'p/x': 'dir', 'p/y': one as Sight }));
  ledger.wrote(at({ 'p/x': 'dir', 'p/y': one as Sight }), at({ 'p/x': 'link there', 'p/y': two as Sight }));
  expect(ledger.observe('b', 'p/', at({ 'p/y': one as Sight }))).toEqual([]);
  expect(ledger.observe('b', 'p/', at({ 'p/x': 'link there' }))).toEqual([expect.stringContaining('"p/y" as "absent"')]);
});

test('each member is held against its own past; who took over begins at the end', () => {
  const ledger = lived();
  expect(ledger.observe('b', 'p/', at({ 'p/x': three as Sight }))).toEqual([]);
  expect(ledger.observe('c', 'p/', at({ 'p/x': one as Sight }))).toEqual([]);
  ledger.caughtUp('c', 'p/');
  expect(ledger.observe('c', 'p/', at({ 'p/x': two as Sight }))).toHaveLength(1);
});

test('in the end all that was acknowledged has to be there, and nothing else', () => {
  const ledger = lived();
  expect(ledger.isAcknowledged('p/')).toBe(false);
  ledger.acknowledge(ledger.mark('p/'));
  expect([ledger.isAcknowledged('p/'), ledger.acknowledgements]).toEqual([true, 1]);
  expect(ledger.finish('b', 'p/', at({ 'p/x': three as Sight }))).toEqual({ faults: [], verified: 1 });
  expect(ledger.finish('b', 'p/', none).faults).toEqual([expect.stringContaining('acknowledged was')]);
  expect(ledger.finish('b', 'p/', at({ 'p/x': three as Sight, 'p/y': one as Sight })).faults).toHaveLength(1);
});

test('a later change takes its acknowledgement away, and an older mark does not give it back', () => {
  const ledger = lived();
  const mark = ledger.mark('p/');
  ledger.wrote(at({ 'p/x': three as Sight }), at({ 'p/x': one as Sight }));
  ledger.acknowledge(mark);
  expect(ledger.isAcknowledged('p/')).toBe(false);
  expect(ledger.finish('b', 'p/', at({ 'p/x': one as Sight }))).toEqual({ faults: [], verified: 0 });
});

test('of contested paths each content counts that stood on the disk when an acknowledged sync began', () => {
  const contest = new Contest();
  contest.wrote('a', 'x', 'first');
  contest.wrote('a', 'x', 'second');
  contest.wrote('b', 'x', 'third');
  contest.acknowledge(contest.standing('a', () => 'second'));
  expect(contest.acknowledged).toBe(1);
  expect(contest.lost((hash) => hash === 'second')).toEqual([]);
  expect(contest.lost(() => false)).toEqual([expect.stringContaining('what a wrote to "x" is lost')]);
});
