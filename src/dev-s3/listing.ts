import type { Bucket } from './bucket.ts';
import { escapeXml, fromBytes, Refusal, type Reply, type Request, toBytes, xmlReply } from './exchange.ts';

interface Page {
  readonly keys: readonly string[];
  readonly folders: readonly string[];
  /** Where the next page goes on: behind this key, or behind all keys of this folder. Undefined on the last page. */
  readonly next: string | undefined;
}

interface Question {
  readonly prefix: string;
  readonly delimiter: string;
  /** Keys up to and including this one are left out. */
  readonly after: string;
  /** Keys that begin with this were counted as a folder on an earlier page. */
  readonly afterFolder: string | undefined;
  readonly limit: number;
}

/** ListObjectsV2, in byte order. */
export async function listObjects(bucket: Bucket, request: Request): Promise<Reply> {
  const question = questionOf(request.query);
  const page = pageOf(bucket.keys(), question);
  const url = request.query.get('encoding-type') === 'url';
  const show = (key: string) => escapeXml(url ? encodeURIComponent(fromBytes(key)).replaceAll('%2F', '/') : fromBytes(key));
  const contents: string[] = [];
  for (const key of page.keys) {
    const stored = bucket.find(key);
    if (!stored) continue;
    const modified = new Date(stored.modifiedMs).toISOString();
    const etag = await bucket.etagOf(stored).catch(() => '');
    contents.push(
      `<Contents><Key>${show(key)}</Key><LastModified>${modified}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${stored.size}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
    );
  }
  const folders = page.folders.map((folder) => `<CommonPrefixes><Prefix>${show(folder)}</Prefix></CommonPrefixes>`);
  const token =
    page.next === undefined ? '' : `<NextContinuationToken>${Buffer.from(page.next, 'latin1').toString('base64')}</NextContinuationToken>`;
  const head = `<Name>${request.bucket}</Name><Prefix>${show(question.prefix)}</Prefix><MaxKeys>${question.limit}</MaxKeys>`;
  const count = `<KeyCount>${contents.length + folders.length}</KeyCount><IsTruncated>${page.next !== undefined}</IsTruncated>`;
  return xmlReply(
    200,
    `<ListBucketResult>${head}${url ? '<EncodingType>url</EncodingType>' : ''}${count}${token}${contents.join('')}${folders.join('')}</ListBucketResult>`,
  );
}

function questionOf(query: URLSearchParams): Question {
  const limit = Number(query.get('max-keys') ?? 1000);
  if (!Number.isInteger(limit) || limit < 0) throw new Refusal(400, 'InvalidArgument', 'max-keys is no count.');
  const token = query.get('continuation-token');
  const place = token === null ? undefined : Buffer.from(token, 'base64').toString('latin1');
  return {
    prefix: toBytes(query.get('prefix') ?? ''),
    delimiter: toBytes(query.get('delimiter') ?? ''),
    after: place?.slice(1) ?? toBytes(query.get('start-after') ?? ''),
    afterFolder: place?.startsWith('f') ? place.slice(1) : undefined,
    limit: Math.min(limit, 1000),
  };
}

export function pageOf(sorted: readonly string[], { prefix, delimiter, after, afterFolder, limit }: Question): Page {
  const keys: string[] = [];
  const folders: string[] = [];
  let last = '';
  let at = afterFolder === undefined ? lowerBound(sorted, prefix > after ? prefix : after) : endOf(sorted, afterFolder);
  while (at < sorted.length) {
    const key = sorted[at] as string;
    if (!key.startsWith(prefix)) break;
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0 && key === after) {
      at++;
      continue;
    }
    if (keys.length + folders.length >= limit) return { keys, folders, next: limit === 0 ? undefined : last };
    if (cut < 0) {
      keys.push(key);
      last = `k${key}`;
      at++;
    } else {
      const folder = key.slice(0, cut + delimiter.length);
      if (key !== after || sorted[at + 1]?.startsWith(folder)) folders.push(folder);
      last = `f${folder}`;
      at = endOf(sorted, folder);
    }
  }
  return { keys, folders, next: undefined };
}

/** Index of the first key that is not below `text`. */
function lowerBound(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < text) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Index behind the last key that begins with `folder`. */
function endOf(sorted: readonly string[], folder: string): number {
  let [low, high] = [lowerBound(sorted, folder), sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string).startsWith(folder)) low = middle + 1;
    else high = middle;
  }
  return low;
}
