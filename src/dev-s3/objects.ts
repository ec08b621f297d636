import { closeSync, promises as fs, fstatSync, openSync } from 'node:fs';
import type { Bucket, Conditions, Stored } from './bucket.ts';
import { escapeXml, type FilePart, fromBytes, header, Refusal, type Reply, type Request, textsOf, toBytes, xmlReply } from './exchange.ts';
import { receive, receiveDocument } from './payload.ts';

const keyBytesMax = 1024;

export function conditionsOf(request: Request): Conditions {
  return { ifNoneMatch: header(request, 'if-none-match'), ifMatch: header(request, 'if-match') };
}

/** When a commit happens, ms since 1970; called at the commit itself, since a body may take long to arrive. */
export type Now = () => number;

export async function putObject(bucket: Bucket, request: Request, now: Now): Promise<Reply> {
  if (request.key.length > keyBytesMax) throw new Refusal(400, 'KeyTooLongError', 'Your key is too long.');
  const received = await receive(request, bucket.newPath());
  const file = { path: received.path, size: received.size, etag: received.md5.toString('hex') };
  const stored = bucket.commit(request.key, file, conditionsOf(request), now());
  return { status: 200, headers: { etag: `"${stored.etag}"` } };
}

/** CopyObject: the content only; nothing else is kept of an object. */
export async function copyObject(source: Bucket, sourceKey: string, bucket: Bucket, request: Request, now: Now): Promise<Reply> {
  refuseHeaders(request, ['x-amz-copy-source-if-match', 'x-amz-copy-source-if-none-match', 'x-amz-copy-source-range']);
  const stored = required(source, sourceKey);
  const path = bucket.newPath();
  await fs.copyFile(stored.path, path);
  const etag = await source.etagOf(stored);
  const { modifiedMs } = bucket.commit(request.key, { path, size: stored.size, etag }, conditionsOf(request), now());
  const modified = new Date(modifiedMs).toISOString();
  return xmlReply(200, `<CopyObjectResult><ETag>&quot;${etag}&quot;</ETag><LastModified>${modified}</LastModified></CopyObjectResult>`);
}

/** A condition that is not built must not be taken as fulfilled. */
function refuseHeaders(request: Request, names: readonly string[]): void {
  const asked = names.find((name) => header(request, name) !== undefined);
  if (asked) throw new Refusal(501, 'NotImplemented', `${asked} is not implemented here.`);
}

const readConditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since'];

export async function headObject(bucket: Bucket, request: Request): Promise<Reply> {
  refuseHeaders(request, readConditions);
  const stored = required(bucket, request.key);
  return { status: 200, headers: await describe(bucket, stored), announced: stored.size };
}

export async function getObject(bucket: Bucket, request: Request): Promise<Reply> {
  refuseHeaders(request, readConditions);
  const stored = required(bucket, request.key);
  // Opened in the same turn as the look-up, so that a replacement cannot come between.
  const fd = openSync(stored.path, 'r');
  try {
    const size = fstatSync(fd).size;
    const range = header(request, 'range');
    const part = range === undefined ? { fd, offset: 0, length: size } : partOf(fd, range, size);
    const partial = range === undefined ? {} : { 'content-range': `bytes ${part.offset}-${part.offset + part.length - 1}/${size}` };
    return { status: range === undefined ? 200 : 206, headers: { ...(await describe(bucket, stored)), ...partial }, body: part };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

export function deleteObject(bucket: Bucket, request: Request): Reply {
  refuseHeaders(request, readConditions);
  bucket.remove(request.key);
  return { status: 204 };
}

export async function deleteObjects(bucket: Bucket, request: Request): Promise<Reply> {
  const document = await receiveDocument(request);
  const keys = textsOf(document, 'Key');
  if (keys.length > 1000) throw new Refusal(400, 'MalformedXML', 'At most 1000 keys can be deleted at once.');
  for (const key of keys) bucket.remove(toBytes(key));
  const quiet = textsOf(document, 'Quiet')[0] === 'true';
  const deleted = quiet ? [] : keys.map((key) => `<Deleted><Key>${escapeXml(key)}</Key></Deleted>`);
  return xmlReply(200, `<DeleteResult>${deleted.join('')}</DeleteResult>`);
}

function required(bucket: Bucket, key: string): Stored {
  const stored = bucket.find(key);
  if (!stored) throw new Refusal(404, 'NoSuchKey', `The key ${fromBytes(key)} does not exist.`);
  return stored;
}

async function describe(bucket: Bucket, stored: Stored): Promise<Record<string, string>> {
  return {
    etag: `"${await bucket.etagOf(stored)}"`,
    'last-modified': new Date(stored.modifiedMs).toUTCString(),
    'content-type': 'application/octet-stream',
    'accept-ranges': 'bytes',
  };
}

function partOf(fd: number, range: string, size: number): FilePart {
  const match = /^bytes=(\d*)-(\d*)$/.exec(range);
  const [from, to] = [match?.[1] ?? '', match?.[2] ?? ''];
  const offset = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size - 1 : Math.min(Number(to), size - 1);
  if (!match || (from === '' && to === '') || offset > end)
    throw new Refusal(416, 'InvalidRange', 'The requested range is not satisfiable.');
  return { fd, offset, length: end - offset + 1 };
}
