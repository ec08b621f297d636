/** Facts of an event, for machines: numbers, names, hashes; never credentials. */
export type LogFields = Readonly<Record<string, unknown>>;

/** A journal of what the program does, for operators. Never throws: a full disk must not stop a cycle that could go on. */
export interface Log {
  debug(fields: LogFields, text: string): void;
  info(fields: LogFields, text: string): void;
  warn(fields: LogFields, text: string): void;
  error(fields: LogFields, text: string): void;
}
