/** What a page of the docs has its reader do, in order. */
export type Step =
  /** Typed at a prompt, `web02$ flocksync sync`, with what the page says is seen then. */
  | {
      readonly kind: 'typed';
      readonly line: number;
      readonly server: string | null;
      readonly command: string;
      readonly shown: readonly string[];
    }
  /** What happens around the reader, in a comment: `<!-- meanwhile … -->`. */
  | { readonly kind: 'meanwhile'; readonly line: number; readonly script: string };

/** Steps that belong together, on servers of their own. */
export interface Scene {
  readonly title: string;
  /** The words of `<!-- world: … -->`, which begins a scene. */
  readonly world: readonly string[];
  readonly steps: readonly Step[];
}

const prompt = /^(?:([a-z]+[0-9]+))?\$ (.*)$/;

/** The scenes of a page. A prompt in front of the first `world` is an error: nobody would run it. */
export function scenesOf(page: string): Scene[] {
  const scenes: { title: string; world: string[]; steps: Step[] }[] = [];
  const lines = page.split('\n');
  let title = '';
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    title = /^#+ (.*)$/.exec(line)?.[1] ?? title;
    const world = /^<!-- world: (.*) -->$/.exec(line)?.[1];
    if (world !== undefined) scenes.push({ title, world: world.split(' '), steps: [] });
    const isMeanwhile = line === '<!-- meanwhile';
    if (line !== '```console' && !isMeanwhile) continue;
    const end = lines.indexOf(isMeanwhile ? '-->' : '```', at);
    const scene = scenes.at(-1);
    if (end < 0 || scene === undefined) throw new Error(`line ${at + 1}: ${end < 0 ? 'nothing ends this' : 'no world stands above it'}`);
    const inner = lines.slice(at + 1, end);
    if (isMeanwhile) scene.steps.push({ kind: 'meanwhile', line: at + 1, script: inner.join('\n') });
    else scene.steps.push(...typedIn(inner, at + 2));
    at = end;
  }
  return scenes;
}

function typedIn(lines: readonly string[], first: number): Step[] {
  const steps: Step[] = [];
  for (let at = 0; at < lines.length; ) {
    const [, server = null, begin = ''] = prompt.exec(lines[at] ?? '') ?? [];
    if (!prompt.test(lines[at] ?? '')) throw new Error(`line ${first + at}: a console begins with a prompt`);
    const line = first + at++;
    let command = begin;
    const mark = /<<'?(\w+)'?/.exec(begin)?.[1];
    while (at < lines.length && (command.endsWith('\\') || (mark !== undefined && !command.endsWith(`\n${mark}`))))
      command += `\n${lines[at++]}`;
    const shown: string[] = [];
    while (at < lines.length && !prompt.test(lines[at] ?? '')) shown.push(lines[at++] ?? '');
    steps.push({ kind: 'typed', line, server, command, shown });
  }
  return steps;
}

/**
 * Whether what was seen is what the page shows. Numbers, times, sizes and ids may be others; `…` stands for anything within a line, and
 * alone on a line for any number of lines.
 */
export function looksLike(shown: readonly string[], seen: string): boolean {
  const pattern = shown.map((line) =>
    line.trim() === '…'
      ? '(?:.*\\n)*?'
      : `${loosened(line)
          .split('…')
          .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
          .join('.*')}\\n`,
  );
  const text = seen === '' || seen.endsWith('\n') ? seen : `${seen}\n`;
  return new RegExp(`^${pattern.join('')}$`).test(text.split('\n').map(loosened).join('\n'));
}

/** A line without what differs from run to run. */
function loosened(line: string): string {
  return line
    .replace(/\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?(?:\.\d+)?Z?)?/g, 'TIME')
    .replace(/\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/g, 'ID')
    .replace(/(?<![A-Za-z\d])\d[\d,]*(?:\.\d+)?/g, '0')
    .replace(/\b0 (?:[kMG]?B)\b/g, '0 B')
    .replace(/\b0 (?:ms|s|min|h|d)\b(?: 0 (?:s|min|h)\b)?/g, '0 s')
    .replace(/\s+/g, ' ')
    .trim();
}
