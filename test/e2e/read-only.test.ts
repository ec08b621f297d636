import { expect, test } from 'vitest';
import { startTestS3 } from '../dev-s3/start.ts';
import { expectEqual, scenario } from './support/pair.ts';

test('a subscriber needs no right to write: everything of a cycle works, exit 0', async () => {
  let readOnly = false;
  const refused: string[] = [];
  const s3 = await startTestS3({
    intercept: (request) => {
      if (!readOnly || request.method === 'GET' || request.method === 'HEAD') return 'pass';
      refused.push(request.method);
      return { status: 403, code: 'AccessDenied' };
    },
  });
  try {
    const { member } = scenario(['a', 'b'], { datastore: ['url: s3://bucket/prefix', `endpoint: ${s3.endpoint}`, 'region: us-east-1'] });
    const [a, b] = [member('a'), member('b')];
    b.configure('role: subscriber');
    for (const round of [1, 2, 3]) {
      readOnly = false;
      a.put({ 'd/x': `content ${round}`, [`new-${round}`]: 'n' });
      if (round === 3) a.remove('new-1');
      await a.sync();
      readOnly = true;
      await b.sync();
      expectEqual(a, b);
      b.put({ own: 'drift' });
      await b.sync();
      b.remove('own');
    }
    expect(refused.length).toBeLessThan(12);
  } finally {
    await s3.close();
  }
});
