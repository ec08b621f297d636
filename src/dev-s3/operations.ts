import type { Bucket, Buckets } from './bucket.ts';
import { header, Refusal, type Reply, type Request, toBytes, xmlReply } from './exchange.ts';
import { listObjects } from './listing.ts';
import type { Uploads } from './multipart.ts';
import { copyObject, deleteObject, deleteObjects, getObject, headObject, type Now, putObject } from './objects.ts';

export interface Service {
  readonly buckets: Buckets;
  readonly uploads: Uploads;
  readonly now: Now;
}

/** Sub-resources of S3 that select an operation; one that is not built must not fall through to a plain put or get. */
const subresources = [
  [
    'acl',
    'attributes',
    'cors',
    'encryption',
    'legal-hold',
    'lifecycle',
    'location',
    'logging',
    'notification',
    'object-lock',
    'ownershipControls',
  ],
  [
    'policy',
    'publicAccessBlock',
    'replication',
    'restore',
    'retention',
    'select',
    'tagging',
    'torrent',
    'versioning',
    'versions',
    'website',
  ],
].flat();

/** Does what a signed request asks for. Throws `Refusal`. */
export async function perform(service: Service, request: Request): Promise<Reply> {
  if (request.bucket === '') return onService(service, request);
  if (request.key === '') return onBucket(service, request);
  const bucket = service.buckets.find(request.bucket);
  return request.query.has('uploadId') || request.query.has('uploads')
    ? onUpload(service, bucket, request)
    : onObject(service, bucket, request);
}

function onService({ buckets }: Service, request: Request): Reply {
  if (request.method !== 'GET') throw notImplemented();
  const names = buckets.names().map((name) => `<Bucket><Name>${name}</Name></Bucket>`);
  return xmlReply(200, `<ListAllMyBucketsResult><Buckets>${names.join('')}</Buckets></ListAllMyBucketsResult>`);
}

async function onBucket(service: Service, request: Request): Promise<Reply> {
  const { buckets, uploads } = service;
  const { method, query } = request;
  const asked = subresources.find((name) => query.has(name));
  if (method === 'PUT' && !asked) {
    buckets.create(request.bucket);
    return { status: 200, headers: { location: `/${request.bucket}` } };
  }
  const bucket = buckets.find(request.bucket);
  if (asked) return method === 'GET' ? bucketSetting(asked) : Promise.reject(notImplemented());
  if (method === 'HEAD') return { status: 200 };
  if (method === 'POST' && query.has('delete')) return deleteObjects(bucket, request);
  if (method === 'GET' && query.has('uploads')) return uploads.listUploads(bucket, request);
  if (method === 'GET' && query.get('list-type') === '2') return listObjects(bucket, request);
  if (method !== 'DELETE') throw notImplemented();
  buckets.remove(request.bucket);
  return { status: 204 };
}

function bucketSetting(asked: string): Reply {
  if (asked === 'lifecycle') throw new Refusal(404, 'NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist.');
  if (asked === 'versioning') return xmlReply(200, '<VersioningConfiguration/>');
  if (asked === 'location') return xmlReply(200, '<LocationConstraint/>');
  throw notImplemented();
}

async function onUpload({ uploads, now }: Service, bucket: Bucket, request: Request): Promise<Reply> {
  const { method, query } = request;
  if (method === 'POST') return query.has('uploads') ? uploads.create(bucket, request, now) : uploads.complete(bucket, request, now);
  if (method === 'PUT') return uploads.putPart(bucket, request);
  if (method === 'DELETE') return uploads.abort(bucket, request);
  if (method === 'GET') return uploads.listParts(bucket, request);
  throw notImplemented();
}

async function onObject(service: Service, bucket: Bucket, request: Request): Promise<Reply> {
  if (subresources.some((name) => request.query.has(name))) throw notImplemented();
  switch (request.method) {
    case 'PUT':
      return header(request, 'x-amz-copy-source') ? onCopy(service, bucket, request) : putObject(bucket, request, service.now);
    case 'GET':
      return getObject(bucket, request);
    case 'HEAD':
      return headObject(bucket, request);
    case 'DELETE':
      return deleteObject(bucket, request);
    default:
      throw notImplemented();
  }
}

async function onCopy({ buckets, now }: Service, bucket: Bucket, request: Request): Promise<Reply> {
  const source = /^\/?([^/]+)\/(.+)$/s.exec(decodeURIComponent(header(request, 'x-amz-copy-source') ?? ''));
  if (!source) throw new Refusal(400, 'InvalidArgument', 'The copy source is malformed.');
  return copyObject(buckets.find(source[1] ?? ''), toBytes(source[2] ?? ''), bucket, request, now);
}

function notImplemented(): Refusal {
  return new Refusal(501, 'NotImplemented', 'This small server does not implement what you asked for.');
}
