import { closeSync, fstatSync, openSync, readFileSync, realpathSync } from 'node:fs';
import { hostname } from 'node:os';
import { type ConfigResult, loadConfig } from '../config.ts';
import { configCharactersMax } from '../config-document.ts';

/** Reads and checks the config file. A file that cannot be read is a fault like any other, with line 0. */
export function readConfigFile(file: string, variables: Readonly<Record<string, string | undefined>>): ConfigResult {
  const read = readText(file);
  if (!read.ok) return { ok: false, faults: [{ file, line: 0, message: read.message }] };
  return loadConfig(read.text, file, { variables, hostName: hostname(), realpath: realpathOrNull });
}

type TextResult = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly message: string };

function readText(file: string): TextResult {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    const stat = fstatSync(descriptor);
    if (stat.isDirectory()) return { ok: false, message: 'is a directory: name the config file' };
    if (stat.size > 4 * configCharactersMax) return { ok: false, message: `has ${stat.size} bytes: that is no config file` };
    return decoded(readFileSync(descriptor));
  } catch (error) {
    return { ok: false, message: openMessage(error) };
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function decoded(bytes: Buffer): TextResult {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) };
  } catch {
    return { ok: false, message: 'is not UTF-8 text: save it as UTF-8' };
  }
}

function openMessage(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ENOENT') return 'there is no such file: `flocksync init URL` writes one, or name another with --config FILE';
  if (code === 'EACCES') return 'may not be read by this user: run as root, or name another file with --config FILE';
  return `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
}

/** Anything but "not there" is passed on as the path itself: it exists, and what it resolves to is not known. */
export function realpathOrNull(path: string): string | null {
  try {
    return realpathSync.native(path);
  } catch (error) {
    const code = codeOf(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? null : path;
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
