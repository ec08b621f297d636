import { lstatSync, readdirSync } from 'node:fs';
import type { FileSystemAdapter } from 'fast-glob';
import { encodePart } from '../model/share-name.ts';
import type { SharePattern } from '../model/share-pattern.ts';

/** Called with the encoded path of a directory that could not be read. */
type OnError = (encodedPath: string, error: unknown) => void;

/**
 * The directories that a pattern with each wildcard widened to `*` matches, as encoded paths; the caller narrows them. Directory
 * names reach fast-glob in their encoded spelling (letters, digits, `._-%`), so that no name, whatever its bytes, is taken for
 * a pattern or missed by one. The library is loaded only where a pattern is configured: start-up time is part of every cycle.
 */
export async function listMatches(pattern: SharePattern, onError: OnError): Promise<string[]> {
  const { default: fastGlob } = await import('fast-glob');
  const glob = pattern.segments.map((segment) => (segment.dynamic ? '*' : encodePart(segment.literal))).join('/');
  return fastGlob.sync(glob, {
    cwd: '/',
    onlyDirectories: true,
    followSymbolicLinks: false,
    dot: true,
    unique: true,
    // Errors are not lost: the file system below reports each one, and the other directories go on.
    suppressErrors: true,
    fs: encodedNames(onError) as unknown as FileSystemAdapter,
  });
}

export function bytesOfEncoded(encoded: string): Buffer {
  const path = encoded.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(path === '' ? '/' : path, 'latin1');
}

function encodedNames(onError: OnError) {
  return {
    lstatSync: (path: string) => lstatSync(bytesOfEncoded(path)),
    statSync: (path: string) => lstatSync(bytesOfEncoded(path)),
    readdirSync(path: string) {
      try {
        return readdirSync(bytesOfEncoded(path), { withFileTypes: true, encoding: 'buffer' as BufferEncoding }).map(encodedDirent);
      } catch (error) {
        onError(path, error);
        throw error;
      }
    },
  };
}

interface DirentLike {
  readonly name: unknown;
  isDirectory(): boolean;
  isFile(): boolean;
  isSymbolicLink(): boolean;
}

function encodedDirent(dirent: DirentLike) {
  return {
    name: encodePart((dirent.name as Buffer).toString('latin1')),
    isDirectory: () => dirent.isDirectory(),
    isFile: () => dirent.isFile(),
    isSymbolicLink: () => dirent.isSymbolicLink(),
    isBlockDevice: () => false,
    isCharacterDevice: () => false,
    isFIFO: () => false,
    isSocket: () => false,
  };
}
