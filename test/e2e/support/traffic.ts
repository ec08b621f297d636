import type { Intervention } from '../../../src/dev-s3/server.ts';
import { startTestS3, type TestS3 } from '../../dev-s3/start.ts';

/** What reached the store since the last `reset`. */
export interface Traffic {
  readonly store: TestS3;
  requests: number;
  /** Bytes of bodies that were announced for objects below `packs/`, multipart parts included. */
  packBytesSent: number;
  packPuts: number;
  packGets: number;
  /** Bytes of all bodies that were announced. */
  bytesSent: number;
  reset(): void;
}

/** A development S3 server that counts; `fate` decides about each request to `packs/`. */
export async function startCounting(fate: (traffic: Traffic) => Intervention = () => 'pass'): Promise<Traffic> {
  const none = { requests: 0, packBytesSent: 0, packPuts: 0, packGets: 0, bytesSent: 0 };
  const store = await startTestS3({
    intercept: ({ method, key, headers }) => {
      const length = method === 'PUT' ? Number(headers['x-amz-decoded-content-length'] ?? headers['content-length'] ?? 0) : 0;
      traffic.requests++;
      traffic.bytesSent += length;
      if (!key.includes('/packs/')) return 'pass';
      if (method === 'PUT') traffic.packPuts++;
      if (method === 'GET') traffic.packGets++;
      traffic.packBytesSent += length;
      return method === 'PUT' ? fate(traffic) : 'pass';
    },
  });
  const traffic: Traffic = { store, ...none, reset: () => void Object.assign(traffic, none) };
  return traffic;
}
