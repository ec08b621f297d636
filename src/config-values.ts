import { isScalar, type Node, type Scalar } from 'yaml';
import { addFault, describe, type Field, lineOf, quoted, readItems, resolved, type Section, type Source } from './config-document.ts';
import { parseDuration } from './model/duration.ts';
import { nearest } from './model/nearest.ts';

/** A text of the file after expansion, and how messages may show it: an expanded value could be a secret. */
export interface Text {
  readonly value: string;
  readonly shown: string;
  readonly line: number;
}

/** The field, if it is there and has a value. A key without a value is a fault: its author meant something. */
export function fieldOf(section: Section, key: string): Field | undefined {
  const field = section.fields.get(key);
  if (field === undefined || field.node !== null) return field;
  addFault(section.source, field.keyLine, `\`${key}\` has no value: write one, or remove the line for the default`);
  return undefined;
}

export function requireKeys(section: Section, keys: readonly string[]): void {
  const where = section.title === '' ? 'the file' : section.title;
  for (const key of keys) if (!section.fields.has(key)) addFault(section.source, section.line, `\`${key}\` is missing in ${where}`);
}

export function readText(section: Section, key: string): Text | undefined {
  const field = fieldOf(section, key);
  return field === undefined ? undefined : textOf(section.source, field.node, field.line, `\`${key}\``);
}

/** The text of a node; numbers and the like are refused, since YAML has already lost how they were written. */
export function textOf(source: Source, node: Node | null, line: number, what: string): Text | undefined {
  const scalar = resolved(source, node);
  if (isScalar(scalar) && typeof scalar.value === 'string') return expanded(source, scalar.value, line, what);
  const written = isScalar(scalar) ? String(scalar.source ?? scalar.value) : undefined;
  const fix = written === undefined ? '' : `: write ${quoted(written)} in quotes`;
  addFault(source, line, `${what} must be text, found ${describe(scalar)}${fix}`);
  return undefined;
}

/** `${NAME}` from the environment; `$${` stands for `${`. An undefined name is a fault, never an empty text. */
function expanded(source: Source, written: string, line: number, what: string): Text | undefined {
  let whole = true;
  const value = written.replace(/\$?\$\{([^}]*)\}?/g, (match, name: string) => {
    if (match.startsWith('$$')) return match.slice(1);
    const found = /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && match.endsWith('}') ? source.variables[name] : undefined;
    if (found === undefined) addFault(source, line, missingVariable(match, name, what));
    whole &&= found !== undefined;
    return found ?? '';
  });
  if (!whole) return undefined;
  return { value, shown: value === written ? quoted(written) : `${quoted(written)} (expanded)`, line };
}

function missingVariable(match: string, name: string, what: string): string {
  if (!match.endsWith('}')) return `${what} has \`\${\` without \`}\`: write \`$\${\` for a literal one`;
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
    return `${what} uses ${quoted(match)}, which is not a variable's name: write \`$\${\` for a literal one`;
  return `${what} uses \`\${${name}}\`, which is not set in the environment: set ${name}, or write \`$\${${name}}\` for a literal one`;
}

export function readChoice<T extends string>(section: Section, key: string, choices: readonly T[]): T | undefined {
  const text = readText(section, key);
  if (text === undefined) return undefined;
  const found = choices.find((choice) => choice === text.value);
  if (found === undefined)
    addFault(section.source, text.line, `\`${key}\` is ${text.shown}: use ${choices.join(', or ')}${meant(text.value, choices)}`);
  return found;
}

export function meant(word: string, candidates: Iterable<string>): string {
  const close = nearest(word, candidates);
  return close === undefined ? '' : ` (did you mean \`${close}\`?)`;
}

export interface DurationLimits {
  readonly minMs?: number;
  /** What else the key accepts, for messages. */
  readonly or?: string;
}

/** Milliseconds. */
export function readDuration(section: Section, key: string, limits: DurationLimits = {}): number | undefined {
  const field = fieldOf(section, key);
  if (field === undefined) return undefined;
  const scalar = resolved(section.source, field.node);
  if (isScalar(scalar) && typeof scalar.value === 'number') {
    addFault(section.source, field.line, `\`${key}\` is ${writtenAs(scalar)} without a unit: write for example ${writtenAs(scalar)}s`);
    return undefined;
  }
  const text = textOf(section.source, field.node, field.line, `\`${key}\``);
  return text === undefined ? undefined : durationOf(section.source, key, text, limits);
}

function durationOf(source: Source, key: string, text: Text, limits: DurationLimits): number | undefined {
  const ms = parseDuration(text.value);
  const or = limits.or === undefined ? '' : `${limits.or}, or `;
  if (ms === undefined) {
    addFault(source, text.line, `\`${key}\` is ${text.shown}: write ${or}a duration such as 500ms, 10s, 10m, 24h or 30d`);
  } else if (ms < (limits.minMs ?? 0)) {
    addFault(source, text.line, `\`${key}\` is ${text.shown}: at least ${limits.minMs}ms are needed`);
    return undefined;
  }
  return ms;
}

export function readBoolean(section: Section, key: string): boolean | undefined {
  const field = fieldOf(section, key);
  if (field === undefined) return undefined;
  const scalar = resolved(section.source, field.node);
  const value = isScalar(scalar) ? scalar.value : undefined;
  if (typeof value === 'boolean') return value;
  const text = typeof value === 'string' ? expanded(section.source, value, field.line, `\`${key}\``) : undefined;
  if (typeof value === 'string' && text === undefined) return undefined;
  if (text?.value === 'true' || text?.value === 'false') return text.value === 'true';
  addFault(section.source, field.line, `\`${key}\` must be true or false, found ${describe(scalar)}`);
  return undefined;
}

export function readInteger(section: Section, key: string, min: number, max: number): number | undefined {
  const field = fieldOf(section, key);
  if (field === undefined) return undefined;
  const scalar = resolved(section.source, field.node);
  const value = isScalar(scalar) ? scalar.value : undefined;
  const text = typeof value === 'string' ? expanded(section.source, value, field.line, `\`${key}\``) : undefined;
  if (typeof value === 'string' && text === undefined) return undefined;
  const number = typeof value === 'number' ? value : /^\d{1,15}$/.test(text?.value ?? '') ? Number(text?.value) : Number.NaN;
  if (Number.isInteger(number) && number >= min && number <= max) return number;
  const range = max === Number.MAX_SAFE_INTEGER ? `from ${min} up` : `from ${min} to ${max}`;
  addFault(section.source, field.line, `\`${key}\` must be a whole number ${range}, found ${describe(scalar)}`);
  return undefined;
}

/** Permission bits written in octal and in quotes; without quotes YAML reads `0644` as the number 644. */
export function readMode(section: Section, key: string): number | undefined {
  const field = fieldOf(section, key);
  if (field === undefined) return undefined;
  const scalar = resolved(section.source, field.node);
  if (isScalar(scalar) && typeof scalar.value === 'number') {
    const digits = writtenAs(scalar).replace(/^0o?/, '');
    addFault(
      section.source,
      field.line,
      `\`${key}\` is ${writtenAs(scalar)} without quotes, which YAML reads as a number: write "0${digits}" in quotes`,
    );
    return undefined;
  }
  const text = textOf(section.source, field.node, field.line, `\`${key}\``);
  if (text === undefined) return undefined;
  if (/^[0-7]{3,4}$/.test(text.value)) return Number.parseInt(text.value, 8);
  addFault(section.source, text.line, `\`${key}\` is ${text.shown}: write three or four octal digits in quotes, such as "0644"`);
  return undefined;
}

export function readTextList(section: Section, key: string): readonly Text[] | undefined {
  const field = fieldOf(section, key);
  const items = field === undefined ? undefined : readItems(section.source, field);
  if (items === undefined) return undefined;
  const texts = items.map((item, index) => textOf(section.source, item, lineOf(section.source, item), `item ${index + 1} of \`${key}\``));
  return texts.filter((text) => text !== undefined);
}

function writtenAs(scalar: Scalar): string {
  return String(scalar.source ?? scalar.value);
}
