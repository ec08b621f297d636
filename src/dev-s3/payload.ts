import { createHash } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { header, Refusal, type Request } from './exchange.ts';

export interface Received {
  readonly path: string;
  readonly size: number;
  readonly md5: Buffer;
}

const chunkHeaderBytesMax = 1024;
const documentBytesMax = 4 * 1024 * 1024;

/** The request's content without its transfer encoding: aws-chunked framing is taken off, chunk signatures are not verified. */
function contentOf(request: Request): AsyncIterable<Buffer> {
  const declared = header(request, 'x-amz-content-sha256') ?? '';
  return declared.startsWith('STREAMING-') ? decodeChunks(request.body) : request.body;
}

/** Stores the content in a new file at `path` and verifies every length and hash that the request declares. */
export async function receive(request: Request, path: string): Promise<Received> {
  const [md5, sha256] = [createHash('md5'), createHash('sha256')];
  const file = await fs.open(path, 'wx', 0o600);
  let size = 0;
  try {
    for await (const chunk of contentOf(request)) {
      md5.update(chunk);
      sha256.update(chunk);
      size += chunk.length;
      await file.writeFile(chunk);
    }
    const digest = md5.digest();
    requireDeclared(request, { size, md5: digest.toString('base64'), sha256: sha256.digest('hex') });
    return { path, size, md5: digest };
  } catch (error) {
    await fs.rm(path, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}

/** A request's XML document. */
export async function receiveDocument(request: Request): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of contentOf(request)) {
    size += chunk.length;
    if (size > documentBytesMax) throw new Refusal(400, 'MalformedXML', 'The document is too long.');
    chunks.push(chunk);
  }
  const bytes = Buffer.concat(chunks);
  const hash = (name: string, form: 'hex' | 'base64') => createHash(name).update(bytes).digest(form);
  requireDeclared(request, { size, md5: hash('md5', 'base64'), sha256: hash('sha256', 'hex') });
  return bytes.toString('utf8');
}

function requireDeclared(request: Request, actual: { size: number; md5: string; sha256: string }): void {
  const length = header(request, 'x-amz-decoded-content-length') ?? header(request, 'content-length');
  if (length !== undefined && Number(length) !== actual.size)
    throw new Refusal(400, 'IncompleteBody', 'The body is not as long as announced.');
  const md5 = header(request, 'content-md5');
  if (md5 !== undefined && md5 !== actual.md5) throw new Refusal(400, 'BadDigest', 'The Content-MD5 does not match what was received.');
  const sha256 = header(request, 'x-amz-content-sha256') ?? '';
  if (/^[0-9a-f]{64}$/.test(sha256) && sha256 !== actual.sha256) {
    throw new Refusal(400, 'XAmzContentSHA256Mismatch', 'The x-amz-content-sha256 does not match what was received.');
  }
}

/** Takes off the framing of aws-chunked bodies: `hex-size[;extension]\r\n bytes \r\n … 0\r\n trailers`. */
export async function* decodeChunks(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let pending: Buffer = Buffer.alloc(0);
  /** Bytes of the current chunk that are still to come; undefined between two chunks. */
  let left: number | undefined;
  let ended = false;
  for await (const arrived of body) {
    // Trailers behind the last chunk are read and ignored.
    if (ended) continue;
    pending = pending.length > 0 ? Buffer.concat([pending, arrived]) : arrived;
    while (!ended) {
      if (left === undefined) {
        const start = chunkStart(pending);
        if (start === undefined) break;
        [left, pending] = [start.size, pending.subarray(start.length)];
        ended = left === 0;
      } else if (left > 0) {
        const part = pending.subarray(0, left);
        if (part.length === 0) break;
        [left, pending] = [left - part.length, pending.subarray(part.length)];
        yield part;
      } else {
        if (pending.length < 2) break;
        [left, pending] = [undefined, pending.subarray(2)];
      }
    }
  }
  if (!ended) throw new Refusal(400, 'IncompleteBody', 'The chunked body has no last chunk.');
}

function chunkStart(bytes: Buffer): { size: number; length: number } | undefined {
  const end = bytes.indexOf('\r\n');
  if (end < 0 && bytes.length <= chunkHeaderBytesMax) return undefined;
  const size = /^([0-9a-fA-F]{1,8})(?:;|$)/.exec(bytes.toString('latin1', 0, Math.max(end, 0)))?.[1];
  if (end < 0 || size === undefined) throw new Refusal(400, 'InvalidRequest', 'The chunked body is malformed.');
  return { size: Number.parseInt(size, 16), length: end + 2 };
}
