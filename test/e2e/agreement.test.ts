import { test } from 'vitest';
import { expectEqual, scenario, settled } from './support/pair.ts';

test('R-R1: what both deleted is agreed on, whatever else is published in the same cycle', async () => {
  const { member } = scenario(['a', 'b']);
  const a = member('a');
  const b = member('b');
  await settled(a, b, { x: 'x1', 'd/z': 'z1', y: 'y1' });
  a.remove('x', 'd');
  await a.sync();
  b.remove('x', 'd');
  b.put({ news: 'something to publish' });
  await b.sync();
  await b.sync();
  await a.sync();
  expectEqual(a, b);
});
