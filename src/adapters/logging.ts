import type { Log, LogFields } from '../ports/log.ts';

export interface LogSettings {
  /** File for JSON lines, or null for none. */
  readonly file: string | null;
  /** Label of this member, on every line of the file. */
  readonly member: string;
  /** Where `-v` prints a line per step; null without `-v`. */
  readonly steps: { write(text: string): unknown } | null;
}

export interface OpenLog {
  readonly log: Log;
  /** Opens the file again after a log rotation moved it (SIGHUP). */
  reopen(): void;
  close(): void;
}

type Level = keyof Log;
const levels: readonly Level[] = ['debug', 'info', 'warn', 'error'];

/** The log file cannot be opened; the message names it. */
export class LogFault extends Error {
  override readonly name = 'LogFault';
}

/** Throws a LogFault when the file cannot be opened; later trouble with the file is said once on standard error. */
export async function openLog(settings: LogSettings): Promise<OpenLog> {
  const file = settings.file === null ? undefined : await openFile(settings.file, settings.member);
  const write = (level: Level, fields: LogFields, text: string) => {
    file?.log[level](fields, text);
    if (settings.steps !== null) settings.steps.write(stepLine(level, fields, text));
  };
  const methods = levels.map((level) => [level, (fields: LogFields, text: string) => write(level, fields, text)]);
  return { log: Object.fromEntries(methods) as Log, reopen: () => file?.reopen(), close: () => file?.close() };
}

/** pino is loaded only where a log file is configured: it would be a fifth of the start-up time of a cycle with nothing to do. */
async function openFile(path: string, member: string): Promise<OpenLog> {
  // The default export is there in node_modules and in the bundle; names are not.
  const { default: pino } = await import('pino');
  let destination: ReturnType<typeof pino.destination>;
  try {
    destination = pino.destination({ dest: path, append: true, sync: true, mode: 0o640 });
  } catch (error) {
    throw new LogFault(`the log file ${path} cannot be opened: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  let said = false;
  destination.on('error', (error: Error) => {
    if (!said) process.stderr.write(`flocksync: the log file ${path} cannot be written: ${error.message}\n`);
    said = true;
  });
  const logger = pino({ level: 'debug', base: { pid: process.pid, member }, timestamp: pino.stdTimeFunctions.isoTime }, destination);
  return { log: guarded(logger), reopen: () => destination.reopen(), close: () => destination.end() };
}

/** A synchronous write to a full disk throws; the error event has said it. */
function guarded(logger: Log): Log {
  const methods = levels.map((level) => [
    level,
    (fields: LogFields, text: string) => {
      try {
        logger[level](fields, text);
      } catch {
        // The destination's error event reports it; losing a log line must not lose a cycle.
      }
    },
  ]);
  return Object.fromEntries(methods) as Log;
}

function stepLine(level: Level, fields: LogFields, text: string): string {
  const mark = level === 'warn' || level === 'error' ? `${level}: ` : '';
  const facts = Object.entries(fields).map(([key, value]) => `${key}=${typeof value === 'string' ? value : stringified(value)}`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: facts may hold file names, which must not steer a terminal
  return `${[`${mark}${text}`, ...facts].join(' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?')}\n`;
}

function stringified(value: unknown): string {
  if (value instanceof Error) return value.message;
  return JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner)) ?? 'undefined';
}
