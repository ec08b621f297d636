import { readFileSync } from 'node:fs';

/**
 * The bytes behind an argument of the command line: Node decodes arguments as UTF-8, which loses bytes that are none. Where the system
 * does not tell, the text's own bytes.
 */
export function argumentBytes(text: string): Buffer {
  if (!text.includes('\ufffd')) return Buffer.from(text);
  return rawArguments().find((bytes) => bytes.toString('utf8') === text) ?? Buffer.from(text);
}

function rawArguments(): Buffer[] {
  let line: Buffer;
  try {
    line = readFileSync('/proc/self/cmdline');
  } catch {
    return [];
  }
  const found: Buffer[] = [];
  for (let start = 0, end = line.indexOf(0); end >= 0; start = end + 1, end = line.indexOf(0, start)) found.push(line.subarray(start, end));
  return found;
}
