import { Readable } from 'node:stream';
import type { GetObjectCommandOutput, ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';
import type { Answer, Datastore, Got, Key, Listed, Listing, Range, UnfinishedUpload } from '../ports/datastore.ts';
import { DatastoreFault } from '../ports/datastore.ts';
import { readBody } from './s3-body.ts';
import { type Clients, type Dates, openClients, type Place, placeOf, type S3Options } from './s3-client.ts';
import { type Attempted, type RawError, toFault } from './s3-faults.ts';
import { type BucketInspection, inspection } from './s3-inspect.ts';
import type { Sdk } from './s3-sdk.ts';
import { exactly } from './source.ts';

export type { S3Options } from './s3-client.ts';

/** At least S3's 5 MiB; an object may have 10,000 parts. */
const partBytesMin = 8 * 1024 * 1024;
const partsMax = 10_000;
const partsInFlight = 3;
const keysPerPage = 1000;

/**
 * An S3-compatible store. The SDK is loaded here and not before, so that commands without a datastore start fast.
 * Throws permanent 'bad-endpoint' for a URL or an endpoint that cannot be used; asks the store nothing.
 */
export async function openS3(options: S3Options): Promise<S3Datastore> {
  const place = placeOf(options.url, options.federation);
  const { sdk } = await import('./s3-sdk.ts');
  const dates: Dates = new WeakMap();
  return new S3Datastore(sdk, openClients(sdk, options, dates), place, dates, options.requestTimeoutMs);
}

export class S3Datastore implements Datastore {
  readonly #sdk: Sdk;
  readonly #clients: Clients;
  readonly #place: Place;
  readonly #dates: Dates;
  readonly #idleMs: number;
  /** What only `doctor` asks. */
  readonly inspect: BucketInspection;

  constructor(sdk: Sdk, clients: Clients, place: Place, dates: Dates, idleMs: number) {
    this.#sdk = sdk;
    this.#clients = clients;
    this.#place = place;
    this.#dates = dates;
    this.#idleMs = idleMs;
    this.inspect = inspection(sdk, clients.single, place);
  }

  async get(key: Key, options: { bytesMax: number; range?: Range }): Promise<Answer<Got | null>> {
    return this.#request(this.#onObject('s3:GetObject'), async () => {
      const found = await this.#open(key, options.range);
      if ('absentMs' in found) return { value: null, dateMs: found.absentMs };
      const bytes = await this.#read(found, options);
      return { value: { bytes, modifiedMs: found.LastModified?.getTime() ?? 0 }, dateMs: this.#dateOf(found) };
    });
  }

  async put(key: Key, bytes: Buffer): Promise<Answer<void>> {
    return this.#request(this.#onObject('s3:PutObject'), async () => {
      const answer = await this.#clients.single.send(new this.#sdk.PutObjectCommand({ ...this.#named(key), Body: bytes }));
      return { value: undefined, dateMs: this.#dateOf(answer) };
    });
  }

  async putIfAbsent(key: Key, bytes: Buffer): Promise<Answer<'created' | 'exists'>> {
    return this.#request({ ...this.#onObject('s3:PutObject'), conditional: true }, async () => {
      try {
        const command = new this.#sdk.PutObjectCommand({ ...this.#named(key), Body: bytes, IfNoneMatch: '*' });
        return { value: 'created', dateMs: this.#dateOf(await this.#clients.single.send(command)) };
      } catch (error) {
        if (statusOf(error) === 412) return { value: 'exists', dateMs: dateOfError(error) };
        throw error;
      }
    });
  }

  async putStream(key: Key, size: number, open: () => AsyncIterable<Buffer>): Promise<Answer<void>> {
    return this.#request(this.#onObject('s3:PutObject'), async () => {
      const { Upload } = await import('@aws-sdk/lib-storage');
      const upload = new Upload({
        client: this.#clients.uploads,
        params: { ...this.#named(key), Body: Readable.from(exactly(size, open()), { objectMode: false }) },
        partSize: Math.max(partBytesMin, Math.ceil(size / partsMax)),
        queueSize: partsInFlight,
      });
      return { value: undefined, dateMs: this.#dateOf(await upload.done()) };
    });
  }

  async list(prefix: string, options: { after?: Key; limit?: number }): Promise<Answer<Listing>> {
    return this.#request(this.#onBucket('s3:ListBucket'), async () => {
      const page = await this.#page(prefix, {
        MaxKeys: Math.min(options.limit ?? keysPerPage, keysPerPage),
        ...(options.after === undefined ? {} : { StartAfter: this.#place.base + options.after }),
      });
      const objects = (page.Contents ?? []).map((object) => this.#listed(object));
      return { value: { objects, truncated: page.IsTruncated ?? false }, dateMs: this.#dateOf(page) };
    });
  }

  async listFolders(prefix: string): Promise<Answer<readonly string[]>> {
    return this.#request(this.#onBucket('s3:ListBucket'), async () => {
      const names: string[] = [];
      let page = await this.#page(prefix, { Delimiter: '/' });
      const dateMs = this.#dateOf(page);
      for (;;) {
        const skip = this.#place.base.length + prefix.length;
        for (const folder of page.CommonPrefixes ?? []) names.push((folder.Prefix ?? '').slice(skip, -1));
        if (!page.IsTruncated || !page.NextContinuationToken) return { value: names.sort(), dateMs };
        page = await this.#page(prefix, { Delimiter: '/', ContinuationToken: page.NextContinuationToken });
      }
    });
  }

  async remove(key: Key): Promise<Answer<void>> {
    return this.#request(this.#onObject('s3:DeleteObject'), async () => {
      const answer = await this.#clients.single.send(new this.#sdk.DeleteObjectCommand(this.#named(key)));
      return { value: undefined, dateMs: this.#dateOf(answer) };
    });
  }

  /** One page: what is left over waits for the next housekeeping. */
  async unfinishedUploads(prefix: string): Promise<Answer<readonly UnfinishedUpload[]>> {
    return this.#request(this.#onBucket('s3:ListBucketMultipartUploads'), async () => {
      const { bucket, base } = this.#place;
      const page = await this.#clients.single.send(
        new this.#sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: base + prefix, MaxUploads: keysPerPage }),
      );
      const begun = (page.Uploads ?? []).filter((upload) => upload.UploadId !== undefined && upload.Key?.startsWith(base + prefix));
      const uploads = begun.map(({ Key = '', UploadId = '', Initiated }) => ({
        key: Key.slice(base.length),
        id: UploadId,
        // One without a time is taken for a young one.
        startedMs: Initiated?.getTime() ?? Number.MAX_SAFE_INTEGER,
      }));
      return { value: uploads, dateMs: this.#dateOf(page) };
    });
  }

  async abortUpload({ key, id }: UnfinishedUpload): Promise<Answer<void>> {
    return this.#request(this.#onObject('s3:AbortMultipartUpload'), async () => {
      try {
        const command = new this.#sdk.AbortMultipartUploadCommand({ ...this.#named(key), UploadId: id });
        return { value: undefined, dateMs: this.#dateOf(await this.#clients.single.send(command)) };
      } catch (error) {
        if ((error as RawError).name !== 'NoSuchUpload') throw error;
        return { value: undefined, dateMs: dateOfError(error) };
      }
    });
  }

  async close(): Promise<void> {
    this.#clients.single.destroy();
    this.#clients.uploads.destroy();
  }

  /** The object's answer, or only the store's date when the store says that the object is not there. */
  async #open(key: Key, range: Range | undefined): Promise<GetObjectCommandOutput | { absentMs: number }> {
    if (range && range.length < 1) throw badRange('it is empty');
    try {
      const Range = range && `bytes=${range.offset}-${range.offset + range.length - 1}`;
      return await this.#clients.single.send(new this.#sdk.GetObjectCommand({ ...this.#named(key), ...(Range ? { Range } : {}) }));
    } catch (error) {
      if ((error as RawError).name === 'NoSuchKey') return { absentMs: dateOfError(error) };
      if (statusOf(error) === 416) throw badRange('it begins behind the end of the object', error);
      if (isBareRefusal(error) && (await this.#isUnlisted(key))) return { absentMs: dateOfError(error) };
      throw error;
    }
  }

  /** A store that may not tell what exists answers 403 in place of 404; a permitted LIST decides. */
  async #isUnlisted(key: Key): Promise<boolean> {
    try {
      const page = await this.#page(key, { MaxKeys: 1 });
      return !(page.Contents ?? []).some((object) => object.Key === this.#place.base + key);
    } catch {
      // The refusal of the object itself is what the caller has to hear about.
      return false;
    }
  }

  async #read(found: GetObjectCommandOutput, { bytesMax, range }: { bytesMax: number; range?: Range }): Promise<Buffer> {
    const bytes = await readBody(found.Body as Readable, { announced: found.ContentLength, bytesMax, idleMs: this.#idleMs });
    if (!range) return bytes;
    const given = /^bytes (\d+)-/.exec(found.ContentRange ?? '')?.[1];
    // A store that ignores ranges sends the whole object.
    const part = given === undefined ? bytes.subarray(range.offset, range.offset + range.length) : bytes;
    if (part.length === 0) throw badRange('it begins behind the end of the object');
    if (given === undefined || (Number(given) === range.offset && part.length <= range.length)) return part;
    throw new DatastoreFault('transient', 'server-error', `the store answered another range: ${found.ContentRange}`, 'Check the store.');
  }

  #page(prefix: string, input: { MaxKeys?: number; StartAfter?: string; Delimiter?: string; ContinuationToken?: string }) {
    const { bucket, base } = this.#place;
    return this.#clients.single.send(new this.#sdk.ListObjectsV2Command({ Bucket: bucket, Prefix: base + prefix, ...input }));
  }

  #listed(object: NonNullable<ListObjectsV2CommandOutput['Contents']>[number]): Listed {
    return {
      key: (object.Key ?? '').slice(this.#place.base.length),
      size: object.Size ?? 0,
      modifiedMs: object.LastModified?.getTime() ?? 0,
      tag: object.ETag ?? '',
    };
  }

  async #request<T>(attempted: Attempted, run: () => Promise<T>): Promise<T> {
    try {
      return await run();
    } catch (error) {
      throw toFault(error, attempted);
    }
  }

  #named(key: Key): { Bucket: string; Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#place.base + key };
  }

  #onObject(action: string): Attempted {
    return { action, resource: `arn:aws:s3:::${this.#place.bucket}/${this.#place.base}*`, conditional: false };
  }

  #onBucket(action: string): Attempted {
    return { action, resource: `arn:aws:s3:::${this.#place.bucket}`, conditional: false };
  }

  #dateOf(answer: { $metadata: object }): number {
    return this.#dates.get(answer.$metadata) ?? Date.now();
  }
}

function statusOf(error: unknown): number | undefined {
  return (error as RawError).$metadata?.httpStatusCode;
}

function dateOfError(error: unknown): number {
  const ms = Date.parse((error as RawError).$response?.headers?.date ?? '');
  return Number.isFinite(ms) ? ms : Date.now();
}

/** A 403 that names neither a wrong key nor a wrong signature. */
function isBareRefusal(error: unknown): boolean {
  return statusOf(error) === 403 && ['AccessDenied', 'Forbidden', 'UnknownError', '403'].includes((error as RawError).name ?? '');
}

function badRange(why: string, cause?: unknown): DatastoreFault {
  return new DatastoreFault(
    'permanent',
    'bad-range',
    `the range cannot be read: ${why}`,
    'The object is not what its reference says.',
    cause,
  );
}
