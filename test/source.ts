import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const projectRoot = resolve(dirname(fileURLToPath(import.meta.url)), '..');

export interface SourceFile {
  /** Relative to the project, '/' between components. */
  readonly path: string;
  readonly text: string;
  /** The text with comments, and the insides of strings, templates and regular expressions, blanked out; as long, the same lines. */
  readonly code: string;
}

/** All TypeScript and JavaScript files below a folder of the project. */
export function sourceFiles(folder: string): SourceFile[] {
  return readdirSync(join(projectRoot, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|js|mjs)$/.test(entry.name))
    .map((entry) => sourceFile(join(entry.parentPath, entry.name)))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function sourceFile(absolute: string): SourceFile {
  const text = readFileSync(absolute, 'utf8');
  return { path: relative(projectRoot, absolute), text, code: blank(text) };
}

export interface Import {
  readonly line: number;
  readonly from: string;
  /** For our own files the path relative to the project, else undefined. */
  readonly file: string | undefined;
  /** Erased by the compiler: no dependency when the program runs. */
  readonly typeOnly: boolean;
  readonly reexport: boolean;
  /** `export * from`. */
  readonly everything: boolean;
}

/** Static imports, re-exports and dynamic imports with a literal name. */
export function importsOf({ path, text, code }: SourceFile): Import[] {
  const found: Import[] = [];
  const statement = /\b(import|export)\b([^;'"`()]*?)\bfrom\s*(['"])|\bimport\s*\(?\s*(['"])/g;
  for (let match = statement.exec(code); match !== null; match = statement.exec(code)) {
    const start = match.index + match[0].length;
    const end = code.indexOf((match[3] ?? match[4]) as string, start);
    const from = text.slice(start, end);
    found.push({
      line: lineOf(code, match.index),
      from,
      file: from.startsWith('.') ? join(dirname(path), from) : undefined,
      typeOnly: isTypeOnly(match[2] ?? ''),
      reexport: match[1] === 'export',
      everything: match[1] === 'export' && (match[2] ?? '').trim().startsWith('*'),
    });
    statement.lastIndex = end + 1;
  }
  return found;
}

function isTypeOnly(clause: string): boolean {
  if (/^\s*type\b/.test(clause)) return true;
  const named = /^\s*\{([^}]*)\}\s*$/.exec(clause)?.[1];
  if (named === undefined) return false;
  const names = named.split(',').filter((name) => name.trim() !== '');
  return names.length > 0 && names.every((name) => /^\s*type\s/.test(name));
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

export interface FunctionSpan {
  readonly line: number;
  readonly name: string;
  readonly lines: number;
}

/**
 * Bodies in braces that belong to a function, method, accessor or arrow: a block whose opening brace follows `=>` or a closing
 * parenthesis (with or without a return type) which no control keyword owns.
 */
export function functionsOf({ code }: SourceFile): FunctionSpan[] {
  const found: FunctionSpan[] = [];
  const open: { readonly at: number; readonly name: string | undefined }[] = [];
  for (let i = 0; i < code.length; i++) {
    if (code[i] === '{') open.push({ at: i, name: functionName(code, i) });
    else if (code[i] === '}') {
      const { at, name } = open.pop() ?? { at: 0, name: undefined };
      if (name !== undefined) found.push({ line: lineOf(code, at), name, lines: lineOf(code, i) - lineOf(code, at) + 1 });
    }
  }
  if (open.length > 0) throw new Error('braces do not match');
  return found;
}

/** The name of the function whose body opens at `brace`; undefined when that brace opens something else. */
function functionName(code: string, brace: number): string | undefined {
  const before = code.slice(0, brace).trimEnd();
  if (/\bclass\s[^{}]*$/.test(before.slice(-300))) return undefined;
  if (before.endsWith('=>'))
    return /([\w$]+)\s*(?::[^=;{}]*)?=\s*(?:async\s*)?(?:\([^;]*|[\w$]+\s*)=>$/.exec(before.slice(-300))?.[1] ?? '(arrow)';
  const typed = /\)\s*:\s*(?:[^;=(){}]|=>|\([^()]*\)|\{[^{}]*\})+$/.exec(before.slice(-400));
  const close = before.endsWith(')') ? before.length - 1 : typed === null ? -1 : before.length - typed[0].length;
  if (close < 0) return undefined;
  const head = code.slice(0, openingOf(code, close)).trimEnd();
  const name = /([\w$#]+)\s*(?:<[^;{}()]*>)?$/.exec(head.slice(-200))?.[1];
  return name === undefined || /^(if|for|while|switch|catch|with|await)$/.test(name) ? undefined : name;
}

function openingOf(code: string, close: number): number {
  let depth = 0;
  for (let i = close; i >= 0; i--) {
    if (code[i] === ')') depth++;
    else if (code[i] === '(' && --depth === 0) return i;
  }
  return 0;
}

/** What the blanking of a text is inside of; a template's `${` returns to code until its brace closes. */
interface Blanking {
  out: string;
  at: number;
  /** Depth of braces at which each open template goes on. */
  readonly templates: number[];
  depth: number;
}

/** Quotes stay, what is between them becomes blanks; line breaks stay everywhere. */
export function blank(text: string): string {
  const state: Blanking = { out: '', at: 0, templates: [], depth: 0 };
  while (state.at < text.length) step(text, state);
  return state.out;
}

function step(text: string, state: Blanking): void {
  const char = text[state.at] as string;
  const comment = char === '/' ? text[state.at + 1] : '';
  if (comment === '/') hide(text, state, endOf(text, state.at, /\n|$/g));
  else if (comment === '*') hide(text, state, endOf(text, state.at + 4, /(?<=\*\/)/g));
  else if (char === "'" || char === '"') quoted(text, state, char);
  else if (char === '`' || (char === '}' && state.templates.at(-1) === state.depth)) template(text, state);
  else if (char === '/' && startsPattern(state.out)) pattern(text, state);
  else plain(char, state);
}

function plain(char: string, state: Blanking): void {
  if (char === '{') state.depth++;
  if (char === '}') state.depth--;
  state.out += char;
  state.at++;
}

function endOf(text: string, from: number, what: RegExp): number {
  what.lastIndex = from;
  const match = what.exec(text);
  return match === null ? text.length : match.index;
}

function hide(text: string, state: Blanking, to: number): void {
  state.out += text.slice(state.at, to).replace(/[^\n]/g, ' ');
  state.at = to;
}

function quoted(text: string, state: Blanking, quote: string): void {
  let end = state.at + 1;
  while (end < text.length && text[end] !== quote) end += text[end] === '\\' ? 2 : 1;
  state.out += quote;
  state.at++;
  hide(text, state, end);
  state.out += quote;
  state.at = end + 1;
}

/** From the backtick or the brace that ends an insertion, to the next insertion or the closing backtick. */
function template(text: string, state: Blanking): void {
  if (text[state.at] === '}') state.templates.pop();
  state.out += text[state.at];
  state.at++;
  let end = state.at;
  while (end < text.length && text[end] !== '`' && text.slice(end, end + 2) !== '${') end += text[end] === '\\' ? 2 : 1;
  hide(text, state, end);
  if (text[end] === '`') {
    state.out += '`';
    state.at = end + 1;
    return;
  }
  state.templates.push(state.depth);
  state.out += ' {';
  state.at = end + 2;
}

/** A slash divides after a value and starts a pattern after everything else. */
function startsPattern(before: string): boolean {
  const trimmed = before.trimEnd();
  if (/\b(return|typeof|case|in|of|void|await|yield|else)$/.test(trimmed.slice(-10))) return true;
  return !/[\w$)\]}'"`]$/.test(trimmed.slice(-1));
}

function pattern(text: string, state: Blanking): void {
  let inClass = false;
  let end = state.at + 1;
  for (; end < text.length && (inClass || text[end] !== '/'); end++) {
    if (text[end] === '\\') end++;
    else if (text[end] === '[') inClass = true;
    else if (text[end] === ']') inClass = false;
  }
  state.out += '/';
  state.at++;
  hide(text, state, end);
  state.out += '/';
  state.at = end + 1;
}
