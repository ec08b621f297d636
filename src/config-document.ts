import { Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument, visit, type YAMLError } from 'yaml';
import type { ConfigFault } from './config-types.ts';

/** A config file is read into memory as a whole and several times over by the parser. */
export const configCharactersMax = 1_048_576;
/** Each alias costs a walk through the document. */
export const aliasesMax = 100;

/** What every part of the config reader shares: where lines are, and where faults are collected. */
export interface Source {
  readonly file: string;
  readonly lines: LineCounter;
  readonly document: Document;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly faults: ConfigFault[];
}

/** One `key: value` of the file. */
export interface Field {
  readonly key: string;
  readonly keyLine: number;
  /** Null where nothing (or `null`) stands after the colon. */
  readonly node: Node | null;
  readonly line: number;
}

/** A mapping of the file, its keys unique. */
export interface Section {
  readonly source: Source;
  /** How messages call it, for example `datastore` or `share "webroot"`; '' for the whole file. */
  readonly title: string;
  readonly line: number;
  readonly fields: ReadonlyMap<string, Field>;
}

export function addFault(source: Source, line: number, message: string): void {
  source.faults.push({ file: source.file, line, message: tellable(message) });
}

const messageCharactersMax = 1000;

/** It may name keys of the file, which can be anything. */
function tellable(message: string): string {
  const text = message.replace(
    /[\p{Cc}\u2028-\u202e\u2066-\u2069]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const half = messageCharactersMax / 2;
  return text.length <= messageCharactersMax ? text : `${text.slice(0, half)} … ${text.slice(-half)}`;
}

/** Parses the text. With a syntax fault nothing else is looked at: what follows from it would only mislead. */
export function openSource(text: string, file: string, variables: Source['variables']): { source: Source; top: Section | null } {
  const lines = new LineCounter();
  const huge = text.length > configCharactersMax;
  const parsed = parse(huge ? '' : text, lines);
  const source: Source = { file, lines, document: parsed ?? new Document(), variables, faults: [] };
  if (parsed === null) addFault(source, 0, 'the file is nested too deeply: is there a bracket that nothing closes?');
  const { document } = source;
  if (huge) addFault(source, 0, `the file has ${text.length} characters; at most ${configCharactersMax} are read`);
  for (const error of [...document.errors, ...document.warnings]) addFault(source, lineAt(source, error.pos[0]), syntaxMessage(error));
  if (source.faults.length === 0) checkAliases(source);
  if (source.faults.length > 0) return { source, top: null };
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    addFault(source, 0, 'the file is empty: it needs `federation`, `datastore` and `shares`');
    return { source, top: null };
  }
  return { source, top: readSection(source, document.contents as Node, '', 'the file') };
}

/** Null for what is nested deeper than the parser can follow. */
function parse(text: string, lineCounter: LineCounter): Document | null {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false });
  } catch (error) {
    // Where the stack ends inside of the compiler of patterns, that is what complains.
    if (error instanceof RangeError || (error instanceof SyntaxError && error.message.includes('call stack'))) return null;
    throw error;
  }
}

/** A mapping with its keys, or null (and a fault) for anything else. */
export function readSection(source: Source, node: Node | null, title: string, what: string): Section | null {
  const line = lineOf(source, node);
  const target = resolved(source, node);
  if (!isMap(target)) {
    addFault(source, line, `${what} must be a mapping of \`key: value\` lines, found ${describe(target)}`);
    return null;
  }
  const fields = new Map<string, Field>();
  for (const pair of target.items) addField(source, fields, pair as Pair<Node, Node | null>);
  return { source, title, line, fields };
}

/** The items of a list with their lines, or undefined (and a fault) for anything else. */
export function readItems(source: Source, field: Field): readonly Node[] | undefined {
  const target = resolved(source, field.node);
  if (isSeq(target)) return target.items as Node[];
  addFault(source, field.line, `\`${field.key}\` must be a list, found ${describe(target)}: write each item on its own line after "- "`);
  return undefined;
}

export function lineOf(source: Source, node: Node | null): number {
  return node?.range ? lineAt(source, node.range[0]) : 0;
}

/** Follows an alias; the schema has a fixed depth, so aliases cannot multiply. */
export function resolved(source: Source, node: Node | null): Node | null {
  if (!isAlias(node)) return node;
  return (node.resolve(source.document) as Node | undefined) ?? null;
}

export function describe(node: Node | null): string {
  if (isSeq(node)) return 'a list';
  if (isMap(node)) return 'a mapping';
  if (!isScalar(node) || node.value === null) return 'nothing';
  const kind = typeof node.value === 'string' ? 'the text' : typeof node.value === 'number' ? 'the number' : 'the value';
  return `${kind} ${quoted(String(node.source ?? node.value))}`;
}

/** A text of the file as messages show it: one line, of bounded length, control characters escaped. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

function checkAliases(source: Source): void {
  let count = 0;
  visit(source.document, {
    Alias(_, alias) {
      count++;
      if (count > aliasesMax) addFault(source, lineOf(source, alias), `this is alias number ${count}; ${aliasesMax} are allowed`);
      else if (alias.resolve(source.document) === undefined) addFault(source, lineOf(source, alias), noAnchor);
      return count > aliasesMax ? visit.BREAK : undefined;
    },
  });
}

function addField(source: Source, fields: Map<string, Field>, pair: Pair<Node, Node | null>): void {
  const keyLine = lineOf(source, pair.key);
  const key = resolved(source, pair.key);
  const name = isScalar(key) ? String(key.value) : '';
  const first = fields.get(name);
  if (!isScalar(key)) {
    addFault(source, keyLine, `a key must be a word, found ${describe(key)}`);
  } else if (first !== undefined) {
    addFault(source, keyLine, `\`${name}\` stands here again (first on line ${first.keyLine}): keep one of them`);
  } else {
    const node = pair.value;
    const empty = node === null || (isScalar(node) && node.value === null);
    fields.set(name, { key: name, keyLine, node: empty ? null : node, line: empty ? keyLine : lineOf(source, node) });
  }
}

function lineAt(source: Source, offset: number): number {
  return source.lines.linePos(offset).line;
}

const noAnchor = 'this alias ("*name") has no anchor ("&name") before it: a text that begins with "*" needs quotes';

const syntaxSentences: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  TAB_AS_INDENT: 'a tab indents this line: YAML wants spaces',
  MULTIPLE_DOCS: 'a second document begins here ("---"): one file holds one config',
  BAD_ALIAS: noAnchor,
  BAD_INDENT: 'the indentation does not fit the lines above: keys of one section begin in the same column',
  MULTILINE_IMPLICIT_KEY: 'a key must stand on one line: is a colon or a quote missing here or on the line above?',
  TAG_RESOLVE_FAILED: 'a YAML tag ("!name") is not understood here: quote a text that begins with "!"',
};

function syntaxMessage(error: YAMLError): string {
  const known = syntaxSentences[error.code];
  return known ?? `not valid YAML: ${error.message.replace(/\s+/g, ' ')}`;
}
