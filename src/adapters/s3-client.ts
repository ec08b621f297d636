import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { DatastoreFault } from '../ports/datastore.ts';
import type { Sdk } from './s3-sdk.ts';

export interface S3Options {
  /** `s3://bucket` or `s3://bucket/prefix`. */
  readonly url: string;
  /** Where the store answers; omitted for AWS, unless AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL is set. */
  readonly endpoint?: string | undefined;
  readonly region?: string | undefined;
  /** Default: true where an endpoint is set. */
  readonly pathStyle?: boolean | undefined;
  /** A profile of the AWS configuration files. */
  readonly profile?: string | undefined;
  /** '' looks at all federations: their names then begin the keys. */
  readonly federation: string;
  /** The process's variables together with those of /etc/flocksync.env. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** A request whose connection shows no activity for this long has failed. */
  readonly requestTimeoutMs: number;
  /** Called once per HTTP request, retries and single parts of uploads included. */
  readonly onRequest?: ((operation: string) => void) | undefined;
}

export interface Place {
  readonly bucket: string;
  /** What stands before every key, '/' included. */
  readonly base: string;
}

const connectionTimeoutMs = 5000;
const socketsMax = 32;
/** Two, not more: each attempt may last a whole request timeout, and the caller has a budget. */
const uploadAttemptsMax = 2;

/** Bucket and key prefix of a datastore URL. Throws 'bad-endpoint'. */
export function placeOf(url: string, federation: string): Place {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(url);
  const parts = [...(match?.[2] ?? '').split('/').filter((part) => part !== ''), ...(federation === '' ? [] : [federation])];
  if (!match?.[1] || parts.some((part) => !/^[A-Za-z0-9._~@%+=-]+$/.test(part) || /^\.\.?$/.test(part))) {
    throw badEndpoint(`"${url}" is no datastore URL`, 'Write datastore.url as s3://bucket/optional/prefix, in plain ASCII.');
  }
  return { bucket: match[1], base: parts.map((part) => `${part}/`).join('') };
}

export interface Clients {
  readonly single: S3Client;
  /** Repeats failed parts by itself: one lost part must not cost the whole of a large upload. */
  readonly uploads: S3Client;
}

/** Two clients over the same connections. Throws 'bad-endpoint'. */
export function openClients(sdk: Sdk, options: S3Options, dates: Dates): Clients {
  const config = clientConfig(options);
  const single = new sdk.S3Client({ ...config, maxAttempts: 1 });
  const uploads = new sdk.S3Client({ ...config, maxAttempts: uploadAttemptsMax, requestHandler: single.config.requestHandler });
  for (const client of [single, uploads]) {
    observeDates(client, dates);
    if (options.onRequest) observeRequests(client, options.onRequest);
  }
  return { single, uploads };
}

function clientConfig(options: S3Options): S3ClientConfig {
  const { environment } = options;
  const endpoint = checkedEndpoint(options.endpoint ?? environment.AWS_ENDPOINT_URL_S3 ?? environment.AWS_ENDPOINT_URL);
  const region = options.region ?? environment.AWS_REGION ?? environment.AWS_DEFAULT_REGION ?? (endpoint ? 'us-east-1' : undefined);
  const credentials = staticCredentials(options);
  prepareProcess(credentials ? {} : environment);
  return {
    forcePathStyle: options.pathStyle ?? endpoint !== undefined,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    cacheMiddleware: true,
    // With agents of our own the SDK would announce a large body and then not wait for the store's word.
    expectContinueHeader: false,
    requestHandler: {
      connectionTimeout: connectionTimeoutMs,
      socketTimeout: socketTimeoutOf(options.requestTimeoutMs),
      httpAgent: new HttpAgent({ keepAlive: true, maxSockets: socketsMax }),
      httpsAgent: new HttpsAgent({ keepAlive: true, maxSockets: socketsMax }),
    },
    ...(endpoint ? { endpoint } : {}),
    ...(region ? { region } : {}),
    ...(credentials ? { credentials } : {}),
    ...(options.profile ? { profile: options.profile } : {}),
    // A profile beside keys in the environment is what was asked for; the SDK would warn about it on stderr at every run.
    ...(options.profile || environment.AWS_PROFILE ? { logger: silent } : {}),
  };
}

const silent = { trace: () => {}, debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Timeouts of 6 s and more are armed by the SDK only 3 s after the request; taken off here, the whole wait is what was asked for. */
function socketTimeoutOf(requestTimeoutMs: number): number {
  return requestTimeoutMs < 9000 ? Math.min(requestTimeoutMs, 5999) : requestTimeoutMs - 3000;
}

/** A named profile goes before the variables, as in the AWS tools. */
function staticCredentials({ profile, environment }: S3Options): S3ClientConfig['credentials'] {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = environment;
  if (profile || environment.AWS_PROFILE || !accessKeyId || !secretAccessKey) return undefined;
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}

/** The SDK's credential chain and its warning switch read the process's variables and nothing else. */
function prepareProcess(environment: S3Options['environment']): void {
  for (const [name, value] of Object.entries(environment)) {
    if (name.startsWith('AWS_') && value !== undefined) process.env[name] ??= value;
  }
  // On an older Node the SDK announces its next year's requirements on stderr, which cron would mail at every run.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
}

function checkedEndpoint(endpoint: string | undefined): string | undefined {
  if (!endpoint) return undefined;
  if (/^https?:\/\//.test(endpoint) && URL.canParse(endpoint)) return endpoint;
  throw badEndpoint(`"${endpoint}" is no endpoint`, 'Write datastore.endpoint as https://host or http://host:port.');
}

function badEndpoint(message: string, fix: string): DatastoreFault {
  return new DatastoreFault('permanent', 'bad-endpoint', message, fix);
}

/** The store's clock at each answer, by the answer's `$metadata`, which the SDK hands through unchanged. */
export type Dates = WeakMap<object, number>;

function observeDates(client: S3Client, dates: Dates): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      const ms = Date.parse((result.response as { headers?: Record<string, string> }).headers?.date ?? '');
      if (Number.isFinite(ms)) dates.set((result.output as { $metadata: object }).$metadata, ms);
      return result;
    },
    { step: 'deserialize', priority: 'high', name: 'observeDates' },
  );
}

function observeRequests(client: S3Client, onRequest: (operation: string) => void): void {
  client.middlewareStack.add(
    (next, context) => (args) => {
      onRequest(String(context.commandName ?? '').replace(/Command$/, ''));
      return next(args);
    },
    { step: 'deserialize', priority: 'low', name: 'observeRequests' },
  );
}
