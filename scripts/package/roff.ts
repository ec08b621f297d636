/** Text as troff reads it: no letter of it is taken for a request or an escape. */
export function escaped(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\n -~]/g, (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^(['.])/gm, '\\&$1');
}

/** A paragraph; what stands between backquotes is set in bold. */
export function prose(text: string): string {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? `\\fB${escaped(part)}\\fR` : escaped(part)))
    .join('');
}

export function bold(text: string): string {
  return `\\fB${escaped(text)}\\fR`;
}

export function italic(text: string): string {
  return `\\fI${escaped(text)}\\fR`;
}

export function section(title: string, ...lines: readonly string[]): string[] {
  return [`.SH ${quoted(title)}`, ...lines];
}

export function subsection(title: string, ...lines: readonly string[]): string[] {
  return [`.SS ${quoted(title)}`, ...lines];
}

/** Paragraphs, one after the other. */
export function paragraphs(texts: readonly string[]): string[] {
  return texts.flatMap((text, index) => (index === 0 ? [prose(text)] : ['.PP', prose(text)]));
}

export function item(head: string, text: string): string[] {
  return ['.TP', head, prose(text)];
}

/** Lines that stay as they are. */
export function verbatim(lines: readonly string[]): string[] {
  return ['.nf', '.RS 4', ...lines.map(escaped), '.RE', '.fi'];
}

/** `day` as 2026-11-20. */
export function title(name: string, chapter: number, day: string, source: string): string {
  return `.TH ${name.toUpperCase()} ${chapter} ${day} ${quoted(source)} "flocksync"`;
}

function quoted(text: string): string {
  return `"${escaped(text).replaceAll('"', '\\(dq')}"`;
}
