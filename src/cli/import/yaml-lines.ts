/** A line of a config; comments are no part of what it means. */
export interface YamlLine {
  readonly text: string;
  readonly comment: string;
}

/** A text as a YAML value that the config reader takes as it is. */
export function quoted(text: string): string {
  // A function, because `$$` in a replacement is a single `$`.
  return JSON.stringify(text.replaceAll('${', () => '$${'));
}

/** `key: value`, with where it comes from as a comment. */
export function line(indent: number, text: string, comment = ''): YamlLine {
  return { text: `${' '.repeat(indent)}${text}`, comment };
}

/** A line that is nothing but a comment. */
export function comment(indent: number, text: string): YamlLine {
  return { text: ' '.repeat(indent), comment: text };
}

/** The lines with their comments, and a line break at the end. */
export function written(lines: readonly YamlLine[]): string {
  return lines
    .map(({ text, comment }) => `${text}${comment === '' ? '' : `${text.trim() === '' ? '' : ' '}# ${oneLine(comment)}`}\n`)
    .join('');
}

/** The same for configs that do the same. */
export function meaning(lines: readonly YamlLine[]): string {
  return lines.map(({ text }) => text.trimEnd()).join('\n');
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
