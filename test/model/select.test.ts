import { expect, test } from 'vitest';
import { selectShares } from '../../src/model/select.ts';

const names = ['etc', 'site-a', 'site-b', 'web*'];

test.each<[string[], string[], string[]]>([
  [[], names, []],
  [['etc'], ['etc'], []],
  [['site-b', 'etc', 'etc'], ['etc', 'site-b'], []],
  [['site*'], ['site-a', 'site-b'], []],
  [['site-[!a]'], ['site-b'], []],
  [['*-?'], ['site-a', 'site-b'], []],
  [['{etc,web*}'], ['etc', 'web*'], []],
  [['web*'], ['web*'], []],
  [['sit'], [], ['sit']],
  [['x*', 'etc'], ['etc'], ['x*']],
  [['SITE-A'], [], ['SITE-A']],
])('%j selects %j', (wanted, selected, unmatched) => {
  expect(selectShares(names, wanted)).toEqual({ selected, unmatched });
});
