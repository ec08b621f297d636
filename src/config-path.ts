import { addFault, type Section } from './config-document.ts';
import { readText, type Text } from './config-values.ts';

/** An absolute path, normalised: no `.`, no empty component, no slash at the end. `..` is refused, since a link can make it mean another place. */
export function readPath(section: Section, key: string): Text | undefined {
  const text = readText(section, key);
  if (text === undefined) return undefined;
  const fault = pathFault(text.value);
  if (fault === undefined) return { ...text, value: normalised(text.value) };
  addFault(section.source, text.line, `\`${key}\` is ${text.shown}: ${fault}`);
  return undefined;
}

function pathFault(path: string): string | undefined {
  if (path.startsWith('~')) return '"~" is not expanded here: write the absolute path';
  if (!path.startsWith('/')) return 'write an absolute path, beginning with "/"';
  if (path.includes('\0')) return 'a path cannot hold a NUL character';
  if (path.split('/').includes('..')) return 'write the path without ".."';
  if (Buffer.byteLength(path) > 4096) return 'a path has at most 4096 bytes';
  return undefined;
}

export function normalised(path: string): string {
  return `/${path
    .split('/')
    .filter((name) => name !== '' && name !== '.')
    .join('/')}`;
}
