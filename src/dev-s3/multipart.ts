import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import type { Bucket } from './bucket.ts';
import { escapeXml, fromBytes, header, Refusal, type Reply, type Request, textsOf, toBytes, xmlReply } from './exchange.ts';
import { conditionsOf, type Now } from './objects.ts';
import { type Received, receive, receiveDocument } from './payload.ts';

interface Upload {
  readonly bucket: Bucket;
  readonly key: string;
  readonly startedMs: number;
  readonly parts: Map<number, Received>;
}

const partBytesMin = 5 * 1024 * 1024;
const partsMax = 10_000;

/** Multipart uploads under way. They live as long as the process; their parts are swept when the bucket is next opened. */
export class Uploads {
  readonly #uploads = new Map<string, Upload>();

  create(bucket: Bucket, request: Request, now: Now): Reply {
    const id = randomUUID();
    this.#uploads.set(id, { bucket, key: request.key, startedMs: now(), parts: new Map() });
    const names = `<Bucket>${request.bucket}</Bucket><Key>${escapeXml(fromBytes(request.key))}</Key>`;
    return xmlReply(200, `<InitiateMultipartUploadResult>${names}<UploadId>${id}</UploadId></InitiateMultipartUploadResult>`);
  }

  async putPart(bucket: Bucket, request: Request): Promise<Reply> {
    const number = Number(request.query.get('partNumber'));
    if (!Number.isInteger(number) || number < 1 || number > partsMax)
      throw new Refusal(400, 'InvalidArgument', 'The part number is not valid.');
    if (header(request, 'x-amz-copy-source')) throw new Refusal(501, 'NotImplemented', 'Copying into a part is not implemented here.');
    this.#find(bucket, request);
    const part = await receive(request, bucket.newPath());
    const upload = this.#find(bucket, request);
    const replaced = upload.parts.get(number);
    upload.parts.set(number, part);
    if (replaced) await fs.rm(replaced.path, { force: true });
    return { status: 200, headers: { etag: `"${part.md5.toString('hex')}"` } };
  }

  async complete(bucket: Bucket, request: Request, now: Now): Promise<Reply> {
    const document = await receiveDocument(request);
    const upload = this.#find(bucket, request);
    const parts = chosenParts(upload, document);
    const path = bucket.newPath();
    await fs.writeFile(path, joined(parts), { flag: 'wx', mode: 0o600 });
    const etag = `${createHash('md5')
      .update(Buffer.concat(parts.map((part) => part.md5)))
      .digest('hex')}-${parts.length}`;
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    bucket.commit(request.key, { path, size, etag }, conditionsOf(request), now());
    await this.abort(bucket, request);
    const names = `<Bucket>${request.bucket}</Bucket><Key>${escapeXml(fromBytes(request.key))}</Key>`;
    return xmlReply(200, `<CompleteMultipartUploadResult>${names}<ETag>&quot;${etag}&quot;</ETag></CompleteMultipartUploadResult>`);
  }

  async abort(bucket: Bucket, request: Request): Promise<Reply> {
    const upload = this.#find(bucket, request);
    this.#uploads.delete(request.query.get('uploadId') ?? '');
    for (const part of upload.parts.values()) await fs.rm(part.path, { force: true });
    return { status: 204 };
  }

  listParts(bucket: Bucket, request: Request): Reply {
    const upload = this.#find(bucket, request);
    const parts = [...upload.parts].sort(([a], [b]) => a - b).map(([number, part]) => partXml(number, part));
    return xmlReply(200, `<ListPartsResult><IsTruncated>false</IsTruncated>${parts.join('')}</ListPartsResult>`);
  }

  /** One page, however many there are. */
  listUploads(bucket: Bucket, request: Request): Reply {
    const prefix = toBytes(request.query.get('prefix') ?? '');
    const begun = [...this.#uploads].filter(([, upload]) => upload.bucket === bucket && upload.key.startsWith(prefix));
    const uploads = begun.map(([id, upload]) => uploadXml(id, upload));
    return xmlReply(200, `<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>${uploads.join('')}</ListMultipartUploadsResult>`);
  }

  #find(bucket: Bucket, request: Request): Upload {
    const upload = this.#uploads.get(request.query.get('uploadId') ?? '');
    if (upload && upload.bucket === bucket && upload.key === request.key) return upload;
    throw new Refusal(404, 'NoSuchUpload', 'The specified multipart upload does not exist.');
  }
}

function chosenParts(upload: Upload, document: string): Received[] {
  const numbers = textsOf(document, 'PartNumber').map(Number);
  const etags = textsOf(document, 'ETag').map((etag) => etag.replaceAll('"', ''));
  const parts = numbers.map((number, index) => {
    const part = upload.parts.get(number);
    if (part && part.md5.toString('hex') === etags[index]) return part;
    throw new Refusal(400, 'InvalidPart', `Part ${number} was not found, or its ETag does not match.`);
  });
  if (parts.length === 0) throw new Refusal(400, 'MalformedXML', 'An upload has at least one part.');
  if (numbers.some((number, index) => number <= (numbers[index - 1] ?? 0)))
    throw new Refusal(400, 'InvalidPartOrder', 'Parts must be in order.');
  if (parts.slice(0, -1).some((part) => part.size < partBytesMin))
    throw new Refusal(400, 'EntityTooSmall', 'A part is smaller than 5 MiB.');
  return parts;
}

async function* joined(parts: readonly Received[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield* createReadStream(part.path, { highWaterMark: 1024 * 1024 });
}

function partXml(number: number, part: Received): string {
  return `<Part><PartNumber>${number}</PartNumber><ETag>&quot;${part.md5.toString('hex')}&quot;</ETag><Size>${part.size}</Size></Part>`;
}

function uploadXml(id: string, upload: Upload): string {
  const started = new Date(upload.startedMs).toISOString();
  return `<Upload><Key>${escapeXml(fromBytes(upload.key))}</Key><UploadId>${id}</UploadId><Initiated>${started}</Initiated></Upload>`;
}
