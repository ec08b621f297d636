import type { Lag } from '../agent/lag.ts';
import { counted, formatBytes, formatElapsed, formatMoment, wrap } from './format.ts';

const columnsMax = 80;
export const labelColumns = 13;

/** A text behind a label, within 80 columns. */
export function labelled(label: string, text: string): string[] {
  return wrap(text, columnsMax - labelColumns).map((line, index) => `  ${(index === 0 ? label : '').padEnd(labelColumns - 2)}${line}`);
}

/** `3 records behind, 14.2 MB, since 2026-11-20 08:19:05Z (5 min 2 s)`. */
export function lagText({ records, bytes, sinceMs }: Lag, nowMs: number): string {
  return [
    `${counted(records, 'record')} behind`,
    ...(bytes === null ? [] : [formatBytes(bytes)]),
    ...(sinceMs === null ? [] : [`since ${formatMoment(sinceMs)} (${formatElapsed(Math.max(0, nowMs - sinceMs))})`]),
  ].join(', ');
}
