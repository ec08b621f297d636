import { type DevS3, startDevS3 } from '../../src/dev-s3/server.ts';
import { newDirectory } from './trees.ts';

/** Requests as a bill has them: puts and lists cost the same, gets and heads a twelfth of it, deletions nothing. */
export interface Requests {
  readonly puts: number;
  readonly lists: number;
  readonly gets: number;
  readonly deletes: number;
}

export interface CountedServer {
  readonly endpoint: string;
  /** Variables with the credentials, for a client of any kind. */
  readonly environment: Readonly<Record<string, string>>;
  newBucket(): string;
  /** Requests to a bucket since the last time this was asked. */
  take(bucket: string): Requests;
  close(): Promise<void>;
}

const none: Requests = { puts: 0, lists: 0, gets: 0, deletes: 0 };
const credentials = { accessKey: 'bench', secretKey: 'benchbench' };

/** The development server in this process, for what is counted and not timed. */
export async function startCountedServer(): Promise<CountedServer> {
  const counts = new Map<string, Requests>();
  const server: DevS3 = await startDevS3({
    directory: newDirectory('s3'),
    ...credentials,
    intercept: ({ method, bucket, key, query }) => {
      const before = counts.get(bucket) ?? none;
      const kind = kindOf(method, key === '' && !query.has('delete'));
      counts.set(bucket, { ...before, [kind]: before[kind] + 1 });
      return 'pass';
    },
  });
  const environment = {
    ...{ AWS_ACCESS_KEY_ID: credentials.accessKey, AWS_SECRET_ACCESS_KEY: credentials.secretKey, AWS_REGION: 'us-east-1' },
    ...{ AWS_DEFAULT_REGION: 'us-east-1', AWS_ENDPOINT_URL: '', FLOCKSYNC_ENV_FILE: '' },
  };
  let buckets = 0;
  return {
    endpoint: server.endpoint,
    environment,
    newBucket: () => `bench-${++buckets}`,
    take: (bucket) => {
      const taken = counts.get(bucket) ?? none;
      counts.delete(bucket);
      return taken;
    },
    close: () => server.close(),
  };
}

function kindOf(method: string, onBucket: boolean): keyof Requests {
  if (method === 'DELETE') return 'deletes';
  if (method === 'GET' || method === 'HEAD') return onBucket ? 'lists' : 'gets';
  return 'puts';
}
