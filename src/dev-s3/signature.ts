import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { header, Refusal, type Request } from './exchange.ts';

export interface Credentials {
  readonly accessKey: string;
  readonly secretKey: string;
}

const skewMsMax = 15 * 60 * 1000;

/** AWS Signature Version 4 in the Authorization header. Throws the refusal that S3 would answer. */
export function requireSignature(request: Request, { accessKey, secretKey }: Credentials, nowMs: number): void {
  const form = /^AWS4-HMAC-SHA256 Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;
  const match = form.exec(header(request, 'authorization') ?? '');
  if (!match) throw new Refusal(403, 'AccessDenied', 'Access Denied');
  const [, credential = '', signedHeaders = '', signature = ''] = match;
  const [id, day = '', region = '', service = '', end] = credential.split('/');
  if (id !== accessKey) throw new Refusal(403, 'InvalidAccessKeyId', 'The access key does not exist in our records.');
  const date = header(request, 'x-amz-date') ?? '';
  requireTime(date, day, nowMs);
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = `AWS4-HMAC-SHA256\n${date}\n${scope}\n${sha256(canonicalRequest(request, signedHeaders))}`;
  const key = [day, region, service, 'aws4_request'].reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${secretKey}`);
  const expected = createHmac('sha256', key).update(text).digest();
  if (end !== 'aws4_request' || !timingSafeEqual(expected, Buffer.from(signature, 'hex'))) {
    throw new Refusal(403, 'SignatureDoesNotMatch', 'The request signature we calculated does not match the signature you provided.');
  }
}

function requireTime(date: string, day: string, nowMs: number): void {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)?.slice(1).map(Number);
  if (!parts || !date.startsWith(day)) throw new Refusal(403, 'AccessDenied', 'The date of the request is missing or malformed.');
  const [year = 0, month = 1, dayOfMonth, hour, minute, second] = parts;
  if (Math.abs(Date.UTC(year, month - 1, dayOfMonth, hour, minute, second) - nowMs) > skewMsMax) {
    throw new Refusal(403, 'RequestTimeTooSkewed', 'The difference between the request time and the current time is too large.');
  }
}

function canonicalRequest(request: Request, signedHeaders: string): string {
  const names = signedHeaders.split(';');
  if (!names.includes('host')) throw new Refusal(403, 'AccessDenied', 'The host header must be signed.');
  const headers = names.map((name) => `${name}:${(header(request, name) ?? '').trim().replace(/ +/g, ' ')}\n`).join('');
  const payload = header(request, 'x-amz-content-sha256') ?? 'UNSIGNED-PAYLOAD';
  return [request.method, request.rawPath, canonicalQuery(request.rawQuery), headers, signedHeaders, payload].join('\n');
}

function canonicalQuery(rawQuery: string): string {
  const pairs = rawQuery.split('&').filter((pair) => pair !== '');
  return pairs
    .map((pair) => {
      const equals = pair.indexOf('=');
      const [name, value] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
      return `${encode(decodeURIComponent(name))}=${encode(decodeURIComponent(value))}`;
    })
    .sort()
    .join('&');
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
