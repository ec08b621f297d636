import { startProxy as start } from '../../test/dev-s3/proxy.ts';

export interface Proxy {
  readonly endpoint: string;
  /** Requests since the last call, as `METHOD path`. */
  take(): readonly string[];
  close(): Promise<void>;
}

/** Passes everything on to an S3 server, and remembers each request. */
export async function startProxy(to: string): Promise<Proxy> {
  let seen: string[] = [];
  const { endpoint, close } = await start(to, ({ method, url }) => {
    seen.push(`${method} ${url}`);
    return 'pass';
  });
  const take = () => {
    const taken = seen;
    seen = [];
    return taken;
  };
  return { endpoint, take, close };
}
