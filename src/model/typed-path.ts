import type { BytePath } from './path.ts';

/**
 * A path as a person types it (bytes, relative to `root` or absolute) to the path inside the share: '' is the root itself. Slashes at the
 * end, `.` and doubled slashes say nothing; `..` goes up in the text, links are not followed. Undefined for what lies outside the root.
 */
export function insideRoot(typed: BytePath, root: BytePath): BytePath | undefined {
  const absolute = typed.startsWith('/') ? typed : `${root}/${typed}`;
  const names = resolved(absolute);
  const above = resolved(root);
  return above.every((name, index) => names[index] === name) ? names.slice(above.length).join('/') : undefined;
}

function resolved(path: BytePath): string[] {
  const names: string[] = [];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  return names;
}

/** The reverse of what `toText` does to stray bytes: `caf\xe9` as it is printed may be typed again. */
export function unescaped(typed: BytePath): BytePath {
  return typed.replace(/\\(?:x([0-9a-f]{2})|([nrt]))/g, (_, hex: string | undefined, letter: string) =>
    hex === undefined ? ({ n: '\n', r: '\r', t: '\t' }[letter] as string) : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
