/** A pattern of `exclude`, `excludeFrom` or `filter`, in the syntax of rsync, and where it stands. */
export interface RsyncRule {
  readonly text: string;
  readonly line: number;
  /** How comments call its place: `exclude`, or the name of the file. */
  readonly from: string;
}

/** A line for `exclude:`, in gitignore syntax. */
export interface Pattern {
  readonly text: string;
  readonly line: number;
  readonly from: string;
}

export interface Translated {
  readonly patterns: readonly Pattern[];
  readonly refused: readonly { readonly rule: RsyncRule; readonly why: string }[];
}

/** `a**b` becomes two patterns for each `**` inside a name. */
const doubleStarsMax = 3;

interface Read {
  readonly rule: RsyncRule;
  readonly include: boolean;
  readonly texts: readonly string[];
}

/**
 * Rsync takes the first rule that fits, gitignore the last one: where some include again, the order is turned round. A rule that has no
 * such form is refused by itself.
 */
export function translateRules(rules: readonly RsyncRule[]): Translated {
  const mixed = rules.some((rule) => prefixOf(rule.text).kind === 'include');
  let read: Read[] = [];
  const refused: { rule: RsyncRule; why: string }[] = [];
  for (const rule of rules) {
    const { kind, body } = prefixOf(rule.text);
    if (kind === 'nothing') continue;
    if (kind === 'clear') read = [];
    else {
      const texts = kind === 'other' ? `this kind of filter rule has no equivalent` : gitignoreOf(body, mixed);
      if (typeof texts === 'string') refused.push({ rule, why: texts });
      else read.push({ rule, include: kind === 'include', texts });
    }
  }
  const ordered = mixed ? read.toReversed() : read;
  const patterns = ordered.flatMap(({ rule, include, texts }) =>
    texts.map((text) => ({ text: include ? `!${text}` : protectedStart(text), line: rule.line, from: rule.from })),
  );
  return { patterns: distinct(patterns), refused };
}

type Kind = 'exclude' | 'include' | 'clear' | 'nothing' | 'other';

function prefixOf(text: string): { kind: Kind; body: string } {
  const trimmed = text.replace(/^\s+/, '');
  if (trimmed === '' || /^[#;]/.test(trimmed)) return { kind: 'nothing', body: '' };
  if (trimmed === '!') return { kind: 'clear', body: '' };
  const rule = /^(-|\+|exclude|include)[ _](.*)$/s.exec(trimmed);
  if (rule !== null) return { kind: rule[1] === '+' || rule[1] === 'include' ? 'include' : 'exclude', body: rule[2] ?? '' };
  const other = /^([.:PRHS]|merge|dir-merge|hide|show|protect|risk|clear|[-+][!,/CsrpxHSPR]+)[ _,]/.test(trimmed);
  return other ? { kind: 'other', body: '' } : { kind: 'exclude', body: trimmed };
}

/** The pattern as gitignore writes it, or a sentence why it cannot. */
function gitignoreOf(pattern: string, mixed: boolean): string[] | string {
  if (/[\n\r\0]/.test(pattern)) return 'it holds a line break';
  if (/\[\[[:.=]/.test(pattern)) return 'classes such as [[:alpha:]] are not known to `exclude`: write the characters out';
  const escaped = /[*?[]/.test(pattern) ? pattern : pattern.replaceAll('\\', '\\\\');
  const directories = escaped.endsWith('/') || escaped.endsWith('/***');
  const anchored = escaped.startsWith('/');
  const body = escaped.replace(/\/(\*\*\*)?$/, '').replace(/^\//, '');
  if (body === '' || body.includes('//')) return 'it names no path below the root';
  if (/^\*\*+$/.test(body) && escaped.endsWith('/***')) return 'it names no directory';
  const variants = variantsOf(body, anchored, mixed);
  if (variants === null) return `it has more than ${doubleStarsMax} times \`**\` inside of names`;
  // What lies below an excluded directory is excluded with it, unless the directory is included by another rule.
  const below = mixed && escaped.endsWith('/***');
  return variants.flatMap((variant) => {
    const placed = (text: string) => protectedEnd((anchored ? '/' : text.includes('/') && !text.startsWith('**/') ? '**/' : '') + text);
    return [placed(variant) + (directories ? '/' : ''), ...(below ? [placed(`${variant}/**`)] : [])];
  });
}

/**
 * In rsync `**` matches any characters, `/` too. Between slashes that is at least one name, where gitignore's may be none; inside a name it
 * is either part of the name, or an end of one, any directories, and the beginning of another.
 */
function variantsOf(body: string, anchored: boolean, mixed: boolean): string[] | null {
  const names = body.split('/');
  let variants = [''];
  let doubled = 0;
  for (const [at, name] of names.entries()) {
    const inside = /^\*\*+$/.test(name) ? [] : name.split(/\*\*+/);
    doubled += Math.max(0, inside.length - 1);
    if (doubled > doubleStarsMax) return null;
    const whole = at === names.length - 1 ? (mixed ? '**/*' : '*') : at === 0 && !anchored ? '**' : '*/**';
    const spellings = inside.length === 0 ? [whole] : inside.slice(1).reduce(spread, [inside[0] ?? '']);
    variants = variants.flatMap((start) => spellings.map((spelling) => (at === 0 ? spelling : `${start}/${spelling}`)));
  }
  return variants;
}

function spread(starts: readonly string[], rest: string): string[] {
  return starts.flatMap((start) => [`${start}*${rest}`, `${start}*/**/*${rest}`]);
}

/** `#` would begin a comment there and `!` an exception. */
function protectedStart(text: string): string {
  return /^[#!]/.test(text) ? `\\${text}` : text;
}

function protectedEnd(text: string): string {
  return text.replace(/ +$/, (blanks) => '\\ '.repeat(blanks.length));
}

function distinct(patterns: readonly Pattern[]): Pattern[] {
  const last = new Map(patterns.map((pattern, at) => [pattern.text, at]));
  return patterns.filter((pattern, at) => last.get(pattern.text) === at);
}
