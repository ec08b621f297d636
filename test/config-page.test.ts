// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own variables are written like this
import { expect, test } from 'vitest';
import { faultsOf, loadText, withTop } from './config-text.ts';

const token = '0123456789abcdef';
const fromVariable = 'pageToken: ${FLOCKSYNC_PAGE_TOKEN}';

function pageOf(variables: Record<string, string>, ...lines: string[]) {
  const result = loadText(withTop(...lines), variables);
  if (!result.ok) throw new Error(JSON.stringify(result.faults));
  return result.config.page;
}

test.each([
  ['127.0.0.1:8385', { host: '127.0.0.1', port: 8385, loopback: true }],
  ['127.3.2.1:1', { host: '127.3.2.1', port: 1, loopback: true }],
  ['localhost:65535', { host: 'localhost', port: 65535, loopback: true }],
  ['"[::1]:8385"', { host: '::1', port: 8385, loopback: true }],
  ['"[0:0:0:0:0:0:0:1]:8385"', { host: '0:0:0:0:0:0:0:1', port: 8385, loopback: true }],
])('page: %s is for this machine alone and needs no token', (written, page) => {
  expect(pageOf({}, `page: ${written}`)).toEqual({ ...page, token: null });
});

test.each(['192.0.2.7:8385', '0.0.0.0:8385', '"[::]:8385"', '"[2001:db8::7]:8385"', '128.0.0.1:8385'])(
  'page: %s can be reached by others and needs a token',
  (written) => {
    const [fault = '', ...more] = faultsOf(withTop(`page: ${written}`));
    expect([fault, more]).toEqual([expect.stringMatching(/^3: `page` listens on \S+, which others can reach, and has no `pageToken`/), []]);
    expect(pageOf({ FLOCKSYNC_PAGE_TOKEN: token }, `page: ${written}`, fromVariable)).toMatchObject({
      loopback: false,
      token: { kind: 'text', value: token },
    });
  },
);

test.each([
  '127.0.0.1',
  ':8385',
  '"8385"',
  '127.0.0.1:0',
  '127.0.0.1:65536',
  '127.0.0.256:8385',
  'web01:8385',
  '"::1:8385"',
  '"[127.0.0.1]:8385"',
  '"[:::1]:8385"',
  '"[1::2::3]:8385"',
  '"[1:2:3:4:5:6:7]:8385"',
  'http://127.0.0.1:8385',
  '127.0.0.1:8385/flocksync',
])('page: %s is no place to listen', (written) => {
  expect(faultsOf(withTop(`page: ${written}`))).toEqual([expect.stringMatching(/^3: `page` is .*: write an address and a port/)]);
});

test('a port alone is not guessed at', () => {
  expect(faultsOf(withTop('page: 8385'))).toEqual([
    expect.stringContaining('`page` must be an address and a port, found the number "8385"'),
  ]);
});

test('a token is never written out, and never shown', () => {
  const literal = faultsOf(withTop('page: 127.0.0.1:8385', 'pageToken: correct-horse-battery'));
  expect(literal).toEqual([expect.stringMatching(/^4: `pageToken` is written out, and this file is no place for secrets/)]);
  const short = faultsOf(withTop('page: 127.0.0.1:8385', fromVariable), { FLOCKSYNC_PAGE_TOKEN: 'swordfish' });
  expect(short).toEqual(['4: `pageToken` has 9 characters, and at least 16 are needed: make one with openssl rand -hex 24']);
  const odd = faultsOf(withTop('page: 127.0.0.1:8385', fromVariable), { FLOCKSYNC_PAGE_TOKEN: 'señor señor señor' });
  expect([...literal, ...short, ...odd].join()).not.toMatch(/correct-horse|swordfish|señor/);
  expect(odd).toHaveLength(1);
});

test('a token may stand in a file, or come from a variable that has to be set', () => {
  expect(pageOf({}, 'page: 127.0.0.1:8385', 'pageToken: /etc/flocksync.page')?.token).toEqual({
    kind: 'file',
    path: '/etc/flocksync.page',
  });
  expect(faultsOf(withTop('page: 127.0.0.1:8385', fromVariable))).toEqual([expect.stringContaining('not set in the environment')]);
  // What a variable says is the token, whatever it looks like.
  expect(pageOf({ FLOCKSYNC_PAGE_TOKEN: '/abcdefghijklmnop' }, 'page: 127.0.0.1:8385', fromVariable)?.token?.kind).toBe('text');
});

test('a token without a page is a fault', () => {
  expect(faultsOf(withTop('pageToken: /etc/flocksync.page'))).toEqual([
    '3: `pageToken` needs `page`: add for example page: 127.0.0.1:8385',
  ]);
});
