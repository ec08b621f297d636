import { validate } from 'node-cron';
import { expect, test } from 'vitest';
import { cronFault } from '../../src/model/cron.ts';

const good = ['* * * * *', '*/15 * * * * *', '0 3 * * 1-5', '5,10-20/2 */2 1 jan-mar mon', '0 0 31 12 7', ' 1  2 3 4 5 '];
const bad = [
  '',
  '*',
  '* * * *',
  '* * * * * * *',
  '60 * * * *',
  '* 24 * * *',
  '* * 0 * *',
  '* * * 13 *',
  '* * * * 8',
  '*/0 * * * *',
  '5-1 * * * *',
  'x * * * *',
  '* * * * * ;',
];

test.each(good)('%j is a schedule, for the scheduler too', (expression) => {
  expect(cronFault(expression)).toBeUndefined();
  expect(validate(expression)).toBe(true);
});

test.each(bad)('%j is none', (expression) => {
  expect(cronFault(expression)).toMatch(/^has /);
});
