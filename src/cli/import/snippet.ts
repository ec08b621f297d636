export interface SnippetNote {
  readonly line: number;
  readonly text: string;
}

export type Snippet =
  | { readonly ok: true; readonly lua: string; readonly notes: readonly SnippetNote[] }
  | { readonly ok: false; readonly line: number; readonly message: string };

const charactersMax = 1_048_576;
const depthMax = 100;

/** Lines that texts about lsyncd have between the lines of a config, and that are no Lua. */
const strayLines: readonly { readonly pattern: RegExp; readonly note: string | null }[] = [
  { pattern: /^#!/, note: null },
  { pattern: /^\s*#/, note: '`#` begins no comment in Lua (`--` does); the line is taken for one' },
  { pattern: /^\s*(\.\.\.|…)\s*[,;]?\s*(--.*)?$/, note: '`...` stands for lines that were left out; nothing is read for it' },
  { pattern: /^\s*\$\s/, note: 'a shell prompt; the line is left out' },
  { pattern: /^\s*(```|~~~|\{%.*%\}\s*$)/, note: 'a mark of the text around the config; the line is left out' },
];

const blanks = /[¬\u00a0\u200b\ufeff]/;

/**
 * A config as people paste it from web pages and mails, made plain Lua with the same line numbers: typographic quotes, dashes and signs
 * for line ends outside of strings, `#` comments, `...`, prompts and fences. Each such reading is noted.
 */
export function readSnippet(text: string): Snippet {
  if (text.length > charactersMax)
    return { ok: false, line: 0, message: `it has ${text.length} characters; at most ${charactersMax} are read` };
  const state: State = { text: text.replace(/\r\n?/g, '\n'), at: 0, line: 1, depth: 0, out: '', notes: new Map() };
  while (state.at < state.text.length) {
    if (atLineStart(state) && takeStrayLine(state)) continue;
    if (state.depth > depthMax) return { ok: false, line: state.line, message: `it is nested more than ${depthMax} levels deep` };
    takePiece(state);
  }
  const notes = [...state.notes.entries()].flatMap(([line, texts]) => [...texts].map((note) => ({ line, text: note })));
  return { ok: true, lua: state.out, notes };
}

interface State {
  readonly text: string;
  at: number;
  line: number;
  depth: number;
  out: string;
  readonly notes: Map<number, Set<string>>;
}

function atLineStart({ text, at }: State): boolean {
  return at === 0 || text[at - 1] === '\n';
}

function note(state: State, text: string): void {
  const known = state.notes.get(state.line);
  if (known === undefined) state.notes.set(state.line, new Set([text]));
  else known.add(text);
}

function takeStrayLine(state: State): boolean {
  const line = state.text.slice(state.at, endOfLine(state));
  const stray = strayLines.find(({ pattern }) => pattern.test(line));
  if (stray === undefined) return false;
  if (stray.note !== null) note(state, stray.note);
  state.at += line.length;
  return true;
}

function endOfLine({ text, at }: State): number {
  const end = text.indexOf('\n', at);
  return end < 0 ? text.length : end;
}

/** One comment, string, or character. */
function takePiece(state: State): void {
  const { text, at } = state;
  const character = text[at] ?? '';
  const long = /^(--)?\[(=*)\[/.exec(text.slice(at, at + 100));
  if (long !== null) return copyTo(state, endOf(text, `]${long[2]}]`, at + long[0].length));
  if (text.startsWith('--', at)) return copyTo(state, endOfLine(state));
  if (character === '"' || character === "'") return copyTo(state, endOfString(text, at));
  if (/[‘’‚‛]/.test(character)) return takeCurly(state, /[‘’‚‛\n]/g, "'");
  if (/[“”„‟]/.test(character)) return takeCurly(state, /[“”„‟\n]/g, '"');
  if (/[–—]/.test(character)) {
    note(state, 'a dash is read as `--`, which begins a comment');
    return copyTo(state, endOfLine(state), '--');
  }
  takeCharacter(state, character);
}

function takeCharacter(state: State, character: string): void {
  if ('([{'.includes(character)) state.depth++;
  else if (')]}'.includes(character)) state.depth--;
  if (character === '¬') note(state, 'the sign ¬ is left out');
  state.out += blanks.test(character) ? ' ' : character;
  if (character === '\n') state.line++;
  state.at++;
}

/** Copies up to `end`, with `instead` in the place of all of it where that is given. */
function copyTo(state: State, end: number, instead?: string): void {
  const piece = state.text.slice(state.at, end);
  state.out += instead ?? piece;
  state.line += piece.split('\n').length - 1;
  state.at = end;
}

function endOf(text: string, closing: string, from: number): number {
  const found = text.indexOf(closing, from);
  return found < 0 ? text.length : found + closing.length;
}

/** Behind the closing quote, or at the end of the line where it is missing: the parser says so better. */
function endOfString(text: string, at: number): number {
  const quote = text[at];
  for (let next = at + 1; next < text.length; next++) {
    if (text[next] === '\\') next++;
    else if (text[next] === '\n') return next;
    else if (text[next] === quote) return next + 1;
  }
  return text.length;
}

/** The same sign may open and close: texts mix them. */
function takeCurly(state: State, closing: RegExp, quote: string): void {
  note(state, 'typographic quotes are read as plain ones');
  closing.lastIndex = state.at + 1;
  const end = closing.exec(state.text)?.index ?? state.text.length;
  const inner = state.text.slice(state.at + 1, end).replaceAll(quote, `\\${quote}`);
  const closed = end < state.text.length && state.text[end] !== '\n';
  state.out += closed ? quote + inner + quote : quote + inner;
  state.at = closed ? end + 1 : end;
}
