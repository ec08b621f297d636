import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { posix } from 'node:path';
import { onTestFinished } from 'vitest';
import { openShareTree } from '../../../src/adapters/disk.ts';
import { unless } from '../../../src/adapters/disk-faults.ts';
import { applyMetadata } from '../../../src/adapters/disk-metadata.ts';
import type { FileReader } from '../../../src/adapters/disk-read.ts';
import { preciseAt, preciseOf, systemPath } from '../../../src/adapters/disk-stat.ts';
import { openDirectory } from '../../../src/adapters/disk-walk.ts';
import { temporaryName, type UserOfDisk } from '../../simulation/disk/user.ts';
import type { Ground, Kind } from './ground.ts';

const isRoot = process.geteuid?.() === 0;

/** The adapter of the product, on this machine's disk. */
export function realKind({ name = 'on a real disk', read }: { readonly name?: string; readonly read?: () => FileReader } = {}): Kind {
  return { name, privileged: isRoot, open: () => openGround(read?.()) };
}

function openGround(read: FileReader | undefined): Ground {
  const base = realpathSync(mkdtempSync(posix.join(tmpdir(), 'flocksync-disk-')));
  const user = new RealUser(base);
  user.makeDirectory('root');
  const reader = read === undefined ? {} : { read };
  const open = (root: string) => {
    const tree = openShareTree({ root: posix.join(base, root), shareName: 'web', ...reader });
    trees.push(tree);
    return tree;
  };
  const trees: { close(): void }[] = [];
  const mounts: string[] = [];
  const mount = (path: string, ...args: string[]) => {
    execFileSync('mount', [...args, posix.join(base, path)], { stdio: 'pipe' });
    mounts.push(posix.join(base, path));
  };
  onTestFinished(() => {
    for (const tree of trees) tree.close();
    for (const target of mounts.reverse()) execFileSync('umount', ['-l', target], { stdio: 'pipe' });
    rmSync(base, { recursive: true, force: true });
  });
  return {
    ...{ tree: open('root'), user, base, another: (root = 'root') => open(root) },
    mount: (path, bytes) => mount(path, '-t', 'tmpfs', '-o', `size=${bytes}`, 'flocksync'),
    bind: (from, path) => mount(path, '--bind', posix.join(base, from)),
    chown: (path, uid, gid) => chownSync(posix.join(base, path), uid, gid),
  };
}

class RealUser implements UserOfDisk {
  readonly #base: string;

  constructor(base: string) {
    this.#base = base;
  }

  write(path: string, text: string | Buffer): void {
    writeFileSync(this.#at(path), text, 'latin1');
  }

  append(path: string, text: string | Buffer): void {
    appendFileSync(this.#at(path), text, 'latin1');
  }

  truncate(path: string, size: number): void {
    truncateSync(this.#at(path), size);
  }

  save(path: string, text: string | Buffer): void {
    const temporary = posix.join(posix.dirname(path), temporaryName(posix.basename(path)));
    const old = this.stat(path);
    this.write(temporary, text);
    try {
      if (old?.kind === 'file') this.chmod(temporary, old.mode);
      this.rename(temporary, path);
    } catch (error) {
      this.remove(temporary);
      throw error;
    }
  }

  makeDirectory(path: string): void {
    mkdirSync(this.#at(path), { recursive: true });
  }

  makeLink(target: string, path: string): void {
    symlinkSync(systemPath(target), this.#at(path));
  }

  hardLink(existing: string, path: string): void {
    linkSync(this.#at(existing), this.#at(path));
  }

  makeFifo(path: string): void {
    execFileSync('mkfifo', [String(this.#at(path))]);
  }

  rename(from: string, to: string): void {
    renameSync(this.#at(from), this.#at(to));
  }

  remove(path: string): void {
    unless(['ENOTDIR'], () => rmSync(this.#at(path), { recursive: true, force: true }));
  }

  chmod(path: string, mode: number): void {
    chmodSync(this.#at(path), mode);
  }

  touch(path: string, mtimeUs: number): void {
    const fd = openSync(this.#at(path), 'r');
    applyMetadata(fd, { mtimeUs });
    closeSync(fd);
  }

  read(path: string): string {
    return readFileSync(this.#at(path), 'latin1');
  }

  readLink(path: string): string {
    return readlinkSync(this.#at(path), 'latin1');
  }

  list(path: string): string[] {
    return readdirSync(this.#at(path), 'latin1').sort();
  }

  stat(path: string) {
    if (lstatSync(this.#at(path), { throwIfNoEntry: false }) === undefined) return null;
    const parent = openDirectory(this.#at(posix.dirname(path)));
    const stat = path === '' ? preciseOf(parent.fd) : preciseAt(parent.fd, posix.basename(path));
    closeSync(parent.fd);
    return stat;
  }

  #at(path: string): string | Buffer {
    return systemPath(posix.join(this.#base, path));
  }
}
