import { closeSync, constants, fstatSync, linkSync, openSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from './make-directories.ts';

const bytesMax = 4_194_304;

export type ReadText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

/** A config of another program. Anything but a file of bounded length with UTF-8 text is a message. */
export function readImported(file: string): ReadText {
  let descriptor: number | undefined;
  try {
    // Opening a pipe must not wait for its other end.
    descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = fstatSync(descriptor);
    if (!stat.isFile()) return { ok: false, message: 'is no regular file: name the config file' };
    if (stat.size > bytesMax) return { ok: false, message: `has ${stat.size} bytes: that is no config file` };
    return decoded(readFileSync(descriptor));
  } catch (error) {
    return { ok: false, message: `cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** The lines of a file that a config names, or null where it cannot be read here. */
export function readLinesOf(file: string): readonly string[] | null {
  const read = readImported(file);
  return read.ok ? read.text.split(/\r?\n/) : null;
}

function decoded(bytes: Buffer): ReadText {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { ok: false, message: 'is not UTF-8 text: save it as UTF-8' };
  }
}

export type Placed = { readonly ok: true } | { readonly ok: false; readonly message: string };

/**
 * Writes all of the files into a directory, which is made where it is missing, or none of them: what stands there with another text
 * is never replaced.
 */
export function placeFiles(directory: string, files: readonly { readonly file: string; readonly text: string }[]): Placed {
  try {
    makeDirectories(directory, 0o777);
    const taken = files.find(({ file, text }) => (textOf(join(directory, file)) ?? text) !== text);
    if (taken !== undefined)
      return { ok: false, message: `${join(directory, taken.file)} is there already, with another text: name another directory` };
    for (const { file, text } of files) placeFile(directory, file, text);
    return { ok: true };
  } catch (error) {
    return {
      ok: false,
      message: `the configs cannot be written to ${directory} (${error instanceof Error ? error.message : String(error)}): name another directory`,
    };
  }
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all, and never in the place of something else. */
function placeFile(directory: string, file: string, text: string): void {
  const path = join(directory, file);
  if (textOf(path) === text) return;
  const draft = join(directory, `.${file}.${process.pid}`);
  writeFileSync(draft, text, { flag: 'wx' });
  try {
    linkSync(draft, path);
  } finally {
    unlinkSync(draft);
  }
}
