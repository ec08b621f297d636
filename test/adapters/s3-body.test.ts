import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { readBody } from '../../src/adapters/s3-body.ts';
import { faultText } from '../../src/cli/faults.ts';
import type { DatastoreFault } from '../../src/ports/datastore.ts';
import { documented } from '../documented.ts';

const idleMs = 1000;

test('a body that ends early without an error of the connection is transient', async () => {
  const body = Readable.from([Buffer.alloc(10)]);
  const fault = await readBody(body, { announced: 11, bytesMax: 100, idleMs }).catch((error: unknown) => error as DatastoreFault);
  expect(fault).toMatchObject({ kind: 'transient', code: 'truncated' });
  expect(faultText(fault as DatastoreFault)).toMatch(documented('truncated'));
});

test('a body that is announced too large is not read at all', async () => {
  let reads = 0;
  const body = new Readable({
    read() {
      reads++;
      this.push(Buffer.alloc(10));
    },
  });
  await expect(readBody(body, { announced: 101, bytesMax: 100, idleMs })).rejects.toMatchObject({ code: 'too-large' });
  expect([reads, body.destroyed]).toEqual([0, true]);
});

test('a body of unannounced length is read to its end, or left when it grows too large', async () => {
  expect(
    (await readBody(Readable.from([Buffer.alloc(60), Buffer.alloc(40)]), { announced: undefined, bytesMax: 100, idleMs })).length,
  ).toBe(100);
  const endless = new Readable({
    read() {
      this.push(Buffer.alloc(64));
    },
  });
  await expect(readBody(endless, { announced: undefined, bytesMax: 100, idleMs })).rejects.toMatchObject({ code: 'too-large' });
  expect(endless.destroyed).toBe(true);
});

test.each([0, 1])('a body that stalls after %i chunks is a timeout', async (chunks) => {
  let given = 0;
  const body = new Readable({
    read() {
      if (given++ < chunks) this.push(Buffer.alloc(10));
    },
  });
  await expect(readBody(body, { announced: 100, bytesMax: 100, idleMs: 20 })).rejects.toMatchObject({ kind: 'transient', code: 'timeout' });
  expect(body.destroyed).toBe(true);
});
