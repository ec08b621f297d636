import { type BytePath, isPlainText, toText } from '../model/path.ts';
import type { Output } from './output.ts';

/** Of every JSON document that a read command prints. */
export const schemaVersion = 1;

export function printDocument(output: Output, fields: Readonly<Record<string, unknown>>): void {
  output.line(JSON.stringify({ schema: schemaVersion, ...fields }, null, 2));
}

/** `2026-11-20T08:19:05.123Z`; null for a time that is not known. */
export function moment(ms: number | null): string | null {
  return ms === null || !Number.isFinite(ms) || Math.abs(ms) > 8.64e15 ? null : new Date(ms).toISOString();
}

/** A path for a document; where it is not plain text, its bytes in base64 as well. */
export function pathFields(path: BytePath): { readonly path: string; readonly pathBytes?: string } {
  const text = toText(path);
  return isPlainText(path) ? { path: text } : { path: text, pathBytes: Buffer.from(path, 'latin1').toString('base64') };
}
