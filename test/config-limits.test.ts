import { expect, test } from 'vitest';
import { faultsOf, head, withShare, withTop } from './config-text.ts';

const long = 'x'.repeat(300);

test.each([
  [
    `federation: ${long}\ndatastore: { url: s3://my-bucket }\nshares: [{ name: webroot, path: /var/www/html }]\n`,
    'has 300 characters; 64 are allowed',
  ],
  [
    `federation: shop\ndatastore: { url: s3://my-bucket/${long} }\nshares: [{ name: webroot, path: /var/www/html }]\n`,
    'the prefix has 300 characters; 256 are allowed',
  ],
  [`${head}shares: [{ name: webroot, path: /${'x/'.repeat(3000)}x }]\n`, 'a path has at most 4096 bytes'],
  [withShare(`statusFile: /${'x/'.repeat(3000)}x`), 'a path has at most 4096 bytes'],
])('what is too long is told with what is allowed (%#)', (text, fault) => {
  expect(faultsOf(text).join('\n')).toContain(fault);
});

test('a page that others can reach is told how to make a token', () => {
  const [fault] = faultsOf(withTop('page: 192.0.2.1:8385'));
  expect(fault).toContain('put FLOCKSYNC_PAGE_TOKEN=… (openssl rand -hex 24) into /etc/flocksync.env and write pageToken:');
});

test('of very many faults the first ones are told, and how many more there are', () => {
  const faults = faultsOf(withTop(...Array.from({ length: 500 }, (_, at) => `wrong${at}: x`)));
  expect(faults.length).toBeLessThan(200);
  expect(faults.at(-1)).toMatch(/^0: there are \d+ more faults$/);
});
