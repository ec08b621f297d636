import type { IncomingHttpHeaders } from 'node:http';

/** One request, taken apart; nothing of its body has been read. */
export interface Request {
  readonly method: string;
  /** The path as sent, still percent-encoded: what the client signed. */
  readonly rawPath: string;
  readonly rawQuery: string;
  /** '' when the request is for the service itself. */
  readonly bucket: string;
  /** A byte string (latin1) of the key's UTF-8, so that `<` compares bytes. '' when the request is for the bucket. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: AsyncIterable<Buffer>;
}

/** A part of an open file; whoever sends the reply closes the descriptor. */
export interface FilePart {
  readonly fd: number;
  readonly offset: number;
  readonly length: number;
}

export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | FilePart;
  /** Content-Length of an answer that has headers only. */
  readonly announced?: number;
}

/** An error answer of the S3 protocol. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export function header(request: Request, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value.join(',') : value;
}

const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

export function escapeXml(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being escaped
  return text.replace(/[&<>"\u0000-\u001f\u007f]/g, (char) => escapes[char] ?? `&#${char.charCodeAt(0)};`);
}

function unescapeXml(text: string): string {
  const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
  return text.replace(/&(?:#x([0-9a-fA-F]+)|#(\d+)|(\w+));/g, (whole, hex?: string, decimal?: string, name?: string) => {
    if (hex) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal ? String.fromCodePoint(Number(decimal)) : (named[name ?? ''] ?? whole);
  });
}

/** The texts of all elements of one name. */
export function textsOf(xml: string, element: string): string[] {
  return [...xml.matchAll(new RegExp(`<${element}>([^<]*)</${element}>`, 'g'))].map((match) => unescapeXml(match[1] ?? ''));
}

export function xmlReply(status: number, content: string): Reply {
  return { status, headers: { 'content-type': 'application/xml' }, body: `<?xml version="1.0" encoding="UTF-8"?>\n${content}` };
}

export function toBytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8');
}
