import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeGreeting, decodeRequest, protocol, requestPathsMax } from '../../src/model/request.ts';

test.each([
  [{ op: 'status', later: 1 }, { op: 'status' }],
  [{ op: 'sync' }, { op: 'sync', only: null }],
  [
    { op: 'sync', only: 'pull' },
    { op: 'sync', only: 'pull' },
  ],
  [
    { op: 'publish', paths: ['', 'caf\xe9/a'] },
    { op: 'publish', paths: ['', 'caf\xe9/a'] },
  ],
  [
    { op: 'wait', record: 0 },
    { op: 'wait', record: 0 },
  ],
])('%j is understood', (json, request) => expect(decodeRequest(json)).toEqual(request));

test.each([
  [undefined, 'unreadable'],
  [null, 'unreadable'],
  ['sync', 'unreadable'],
  [{}, 'unreadable'],
  [{ op: 'dance' }, 'unknown'],
  [{ op: {} }, 'unknown'],
  [{ op: 'sync', only: 'both' }, 'unreadable'],
  [{ op: 'publish' }, 'unreadable'],
  [{ op: 'publish', paths: [] }, 'unreadable'],
  [{ op: 'publish', paths: ['../etc'] }, 'unreadable'],
  [{ op: 'publish', paths: ['/etc'] }, 'unreadable'],
  [{ op: 'publish', paths: ['a\u0000'] }, 'unreadable'],
  [{ op: 'publish', paths: ['\u0142'] }, 'unreadable'],
  [{ op: 'publish', paths: Array(requestPathsMax + 1).fill('a') }, 'unreadable'],
  [{ op: 'wait', record: -1 }, 'unreadable'],
  [{ op: 'wait', record: '7' }, 'unreadable'],
])('%j is refused', (json, refused) => expect(decodeRequest(json)).toMatchObject({ refused }));

test('whatever arrives is a request or refused', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (json) => {
      const decoded = decodeRequest(json);
      expect('op' in decoded || decoded.text !== '').toBe(true);
    }),
  );
});

test('only a greeting of this protocol and this share is accepted', () => {
  const greeting = { flocksync: protocol, version: '1', share: 'webroot', holder: 'run', pid: 1 };
  expect(decodeGreeting(greeting, 'webroot')).toEqual(greeting);
  for (const other of [null, 'hello', [], { ...greeting, flocksync: protocol + 1 }, { ...greeting, share: 'nginx' }])
    expect(decodeGreeting(other, 'webroot')).toBeNull();
});
