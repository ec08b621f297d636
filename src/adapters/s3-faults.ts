import { DatastoreFault, type FaultKind } from '../ports/datastore.ts';
import { SourceFailure, sourceFault } from './source.ts';

/** Which request failed, for the sentence that tells a person what to do. */
export interface Attempted {
  /** The action's name in an IAM policy, for example `s3:PutObject`. */
  readonly action: string;
  /** What the action needs to be granted on, as an ARN. */
  readonly resource: string;
  /** True for a put whose repetition is not harmless. */
  readonly conditional: boolean;
}

/** What the SDK and Node put on an error, all of it optional: errors of sockets, of the service and of the SDK itself meet here. */
export interface RawError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly Region?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> };
}

type Verdict = readonly [kind: FaultKind, code: string, fix: string];

/** The connection was never made, so nothing can have happened, not even for a conditional put. */
const neverSent = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH']);

const socketCodes = new Set([...neverSent, 'ECONNRESET', 'EPIPE', 'ECONNABORTED', 'EPROTO', 'ERR_STREAM_PREMATURE_CLOSE']);

const checkEndpoint = 'Check datastore.endpoint, the network and the firewall; flocksync tries again by itself.';
const checkKeys = 'Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in /etc/flocksync.env (or the profile).';
const wait = 'The store is overloaded or in trouble; flocksync tries again by itself.';

/** By the service's error code, where that says more than the status does. */
const verdictsByName: Readonly<Record<string, Verdict>> = {
  NoSuchBucket: ['permanent', 'no-bucket', 'Create the bucket, or correct datastore.url.'],
  NoSuchUpload: ['transient', 'server-error', 'The upload is started again.'],
  InvalidAccessKeyId: ['permanent', 'refused', checkKeys],
  SignatureDoesNotMatch: ['permanent', 'refused', checkKeys],
  ExpiredToken: ['permanent', 'refused', 'Renew the session credentials; they have expired.'],
  InvalidToken: ['permanent', 'refused', 'Check AWS_SESSION_TOKEN; the store does not accept it.'],
  CredentialsProviderError: [
    'permanent',
    'refused',
    'Put AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY into /etc/flocksync.env, correct the profile (datastore.profile or AWS_PROFILE), or give this machine a role.',
  ],
  TokenProviderError: ['permanent', 'refused', 'Renew the profile’s session; its token could not be loaded.'],
  RequestTimeTooSkewed: ['transient', 'clock-skew', 'Set this machine’s clock (NTP); requests are dated by the store’s clock from now on.'],
  InvalidObjectState: [
    'permanent',
    'archived',
    'Remove the lifecycle rule that archives objects below the prefix, and restore the object.',
  ],
  QuotaExceeded: ['permanent', 'full', 'Raise the quota of the bucket or of its user.'],
  EntityTooLarge: ['permanent', 'too-large', 'The store accepts no object of this size.'],
  KeyTooLongError: ['permanent', 'bad-key', 'Shorten the prefix in datastore.url.'],
  InvalidBucketName: ['permanent', 'no-bucket', 'Correct the bucket’s name in datastore.url.'],
  RequestTimeout: ['transient', 'timeout', checkEndpoint],
  IncompleteBody: ['transient', 'server-error', wait],
  BadDigest: ['transient', 'server-error', wait],
  OperationAborted: ['transient', 'conflict', wait],
  SlowDown: ['transient', 'throttled', wait],
  ThrottlingException: ['transient', 'throttled', wait],
  TimeoutError: ['transient', 'timeout', checkEndpoint],
  AbortError: ['transient', 'timeout', checkEndpoint],
};

const wrongRegionNames = new Set(['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException']);

/** Any error of one request as the port's fault. A lost answer to a conditional put becomes 'unknown'. */
export function toFault(thrown: unknown, attempted: Attempted): DatastoreFault {
  if (thrown instanceof DatastoreFault) return thrown;
  if (thrown instanceof SourceFailure) return sourceFault(thrown);
  const error = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as RawError;
  const [kind, code, fix] = verdictOf(error, attempted);
  const message = `${attempted.action} failed: ${describe(error)}`;
  return new DatastoreFault(attempted.conditional ? conditionalKind(kind, error) : kind, code, message, fix, thrown);
}

/** A transient answer to a conditional put settles nothing, unless it is sure that the store never began. */
function conditionalKind(kind: FaultKind, error: RawError): FaultKind {
  if (kind !== 'transient') return kind;
  return neverSent.has(error.code ?? '') || isCertificateError(error) || error.name === 'RequestTimeTooSkewed' ? 'transient' : 'unknown';
}

function verdictOf(error: RawError, attempted: Attempted): Verdict {
  // The SDK calls every broken connection a TimeoutError; the socket's own word is better.
  const named = socketCodes.has(error.code ?? '') ? undefined : verdictsByName[error.name ?? ''];
  if (named) return named;
  // Of an answer that was cut the status is not the whole story: a 404 without its code names neither bucket nor object.
  const status = socketCodes.has(error.code ?? '') ? undefined : error.$metadata?.httpStatusCode;
  if (wrongRegionNames.has(error.name ?? '') || status === 301) return ['permanent', 'wrong-region', regionFix(error)];
  return status === undefined || status < 300 ? verdictWithoutStatus(error) : verdictByStatus(status, attempted);
}

function verdictByStatus(status: number, { action, resource, conditional }: Attempted): Verdict {
  if (status === 401 || status === 403) return ['permanent', 'refused', `Grant ${action} on ${resource}.`];
  if (status === 429 || status === 503) return ['transient', 'throttled', wait];
  if (status === 501 && conditional) {
    const fix = 'This store has no conditional put (If-None-Match: *); use another one, or let a single member publish.';
    return ['permanent', 'no-conditional-put', fix];
  }
  if (status === 408) return ['transient', 'timeout', checkEndpoint];
  if (status === 409 || status === 307) return ['transient', 'conflict', wait];
  if (status === 404 || status === 405 || status === 501) {
    return ['permanent', 'bad-endpoint', 'Check datastore.endpoint and pathStyle: what answers there does not behave like an S3 store.'];
  }
  if (status >= 500) return ['transient', 'server-error', wait];
  return ['permanent', 'bad-request', 'Check datastore.endpoint, region and pathStyle; the store calls the request malformed.'];
}

function verdictWithoutStatus(error: RawError): Verdict {
  if (error.code === 'ERR_INVALID_URL') return ['permanent', 'bad-endpoint', 'Correct datastore.endpoint.'];
  if (error.message === 'Region is missing') return ['permanent', 'wrong-region', regionFix(error)];
  if (isCertificateError(error)) {
    return [
      'transient',
      'unreachable',
      'The endpoint’s certificate is not trusted: renew it, or name its authority in NODE_EXTRA_CA_CERTS.',
    ];
  }
  if (error.code === 'ETIMEDOUT') return ['transient', 'timeout', checkEndpoint];
  if (socketCodes.has(error.code ?? '') || error.message === 'socket hang up') return ['transient', 'unreachable', checkEndpoint];
  if (error instanceof TypeError || error instanceof ReferenceError || error instanceof RangeError) {
    return ['permanent', 'internal', 'This is a defect of flocksync; please report it.'];
  }
  return ['transient', 'server-error', wait];
}

function isCertificateError(error: RawError): boolean {
  return /CERT|^ERR_TLS|^UNABLE_TO_|^ERR_SSL/.test(error.code ?? '');
}

function regionFix(error: RawError): string {
  const region = error.$response?.headers?.['x-amz-bucket-region'] ?? error.Region;
  return region ? `Set datastore.region to ${region}.` : 'Set datastore.region to the region of the bucket.';
}

function describe(error: RawError): string {
  const message = error.message
    ?.split('\n')[0]
    ?.replace(/^@smithy\/\S+ - /, '')
    // A sentence goes on behind it.
    .replace(/\.+$/, '');
  const words = [error.name, error.$metadata?.httpStatusCode, error.code, message].map((word) => String(word ?? '').trim());
  return (
    [...new Set(words)].filter((word) => !['', 'Error', 'UnknownError', 'TimeoutError'].includes(word)).join(' ') || 'no reason was given'
  );
}
