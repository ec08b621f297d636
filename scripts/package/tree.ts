import { chmodSync, cpSync, lstatSync, lutimesSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** A tree that is being filled; places are relative to it. */
export interface Stage {
  readonly directory: string;
  path(place: string): string;
  write(place: string, content: string | Uint8Array): void;
  copy(source: string, place: string): void;
  link(place: string, target: string): void;
}

export function openStage(directory: string): Stage {
  const path = (place: string) => join(directory, place);
  const made = (place: string) => {
    mkdirSync(dirname(path(place)), { recursive: true });
    return path(place);
  };
  mkdirSync(directory, { recursive: true });
  return {
    directory,
    path,
    write: (place, content) => writeFileSync(made(place), content),
    copy: (source, place) => cpSync(source, made(place), { recursive: true, dereference: true }),
    link: (place, target) => symlinkSync(target, made(place)),
  };
}

/** All paths below, directories too, in the order of their names. */
export function pathsBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort();
}

/** The same times and modes everywhere, whoever builds it, and when. `seconds` since 1970. */
export function settle(directory: string, seconds: number): void {
  for (const name of ['', ...pathsBelow(directory)].reverse()) {
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (!stat.isSymbolicLink()) chmodSync(path, stat.isDirectory() || (stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
    lutimesSync(path, seconds, seconds);
  }
}

/** Bytes of all files below. */
export function sizeOf(directory: string): number {
  const sizes = pathsBelow(directory).map((name) => lstatSync(join(directory, name)));
  return sizes.reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}
