import { toText } from '../model/path.ts';
import type { Problem } from '../model/problem.ts';
import { timeLeftMs } from '../model/replay.ts';
import { lastWords } from '../model/said.ts';
import type { Cycle } from './context.ts';

/** A problem in a heartbeat: bounded text that may be shown as it is. */
export interface Trouble {
  readonly code: string;
  readonly path: string;
  readonly text: string;
}

export interface Underway {
  readonly phase: string;
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** At the speed so far; null where nothing can be said. */
  readonly leftMs: number | null;
}

const troublesMax = 5;
const charactersMax = 200;
/** What was told longer ago has come to its end without a word. */
const staleMs = 30_000;

export function troublesOf(problems: readonly Problem[]): Trouble[] {
  return problems.slice(0, troublesMax).map(({ code, path, text }) => ({
    ...{ code, path: path === null ? '' : lastWords(toText(path) || '.', charactersMax), text: lastWords(text, charactersMax) },
  }));
}

export function underwayIn({ memory, ports }: Cycle): Underway | null {
  const { doing } = memory;
  if (doing === null || Math.abs(ports.time.wallMs() - doing.atMs) > staleMs) return null;
  const { phase, filesDone, filesTotal, bytesDone, bytesTotal } = doing;
  return { phase, filesDone, filesTotal, bytesDone, bytesTotal, leftMs: timeLeftMs(doing) };
}

/** Anything from the bucket may be hostile: what is unusable is left out. */
export function readTroubles(json: unknown): Trouble[] {
  if (!Array.isArray(json)) return [];
  const usable = json.filter((one) => isWords(one?.code) && isWords(one?.path) && isWords(one?.text)).slice(0, troublesMax);
  return usable.map(({ code, path, text }) => ({ code: said(code), path: said(path), text: said(text) }));
}

export function readHalt(json: unknown): { code: string; text: string } | null {
  const halt = json as { code?: unknown; text?: unknown } | null | undefined;
  return isWords(halt?.code) && isWords(halt?.text) ? { code: said(halt.code), text: said(halt.text) } : null;
}

export function readUnderway(json: unknown): Underway | null {
  const told = json as Partial<Underway> | null | undefined;
  if (!isWords(told?.phase)) return null;
  const { phase, leftMs } = told;
  const counts = { filesDone: count(told.filesDone), filesTotal: count(told.filesTotal) };
  const bytes = { bytesDone: count(told.bytesDone), bytesTotal: count(told.bytesTotal) };
  return { phase: said(phase), ...counts, ...bytes, leftMs: typeof leftMs === 'number' ? count(leftMs) : null };
}

function isWords(json: unknown): json is string {
  return typeof json === 'string';
}

/** Text that may be shown as it is; '' where there is none. */
export function said(json: unknown): string {
  return isWords(json) ? lastWords(json, charactersMax) : '';
}

/** A whole number from 0 up; 0 for anything else. */
export function count(json: unknown): number {
  return Number.isSafeInteger(json) && (json as number) >= 0 ? (json as number) : 0;
}
