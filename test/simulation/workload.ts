import { type BytePath, join, nameOf, parentOf } from '../../src/model/path.ts';
import type { Chance } from './chance.ts';
import { treeBelow } from './contents.ts';
import { Errno, type Node } from './disk/nodes.ts';
import { type Machine, outside, root } from './machine.ts';

const plainNames = ['index.php', 'a', 'b', 'c.txt', 'style.css', 'd d', '.htaccess', 'wp-config.php'];
/** NFC beside NFD, a line break, what looks like an option or a pattern, invalid UTF-8, 255 bytes, an editor's temporary file. */
const hostileNames = [
  ...['caf\xc3\xa9', 'cafe\xcc\x81', 'two\nlines', '-rf', '*', "it's", '\xff\xfe', '.c.txt.swp', 'cache', 'x.log'],
  'n'.repeat(255),
];
const weights = {
  ...{ create: 20, overwrite: 12, append: 5, save: 12, remove: 8, rename: 8, moveDirectory: 5, makeDirectory: 5, removeDirectory: 4 },
  ...{ link: 4, changeKind: 5, chmod: 3, touch: 3, truncate: 2, hardLink: 2, copy: 4, again: 2, fifo: 1, burst: 3, chown: 1, unseen: 0 },
};
export type Work = keyof typeof weights;

/** What people and programs do to the files of one server. Each call is one deed; it may come to nothing. */
export class Workload {
  readonly #chance: Chance;
  readonly #weights: Readonly<Record<Work, number>>;
  #written = 0;

  constructor(chance: Chance, more: Partial<Record<Work, number>> = {}) {
    this.#chance = chance;
    this.#weights = { ...weights, ...more };
  }

  /** Returns what was done, in words. */
  act(machine: Machine, largeBytes: number): string {
    const kind = this.#chance.weighted(this.#weights);
    try {
      return `${kind} ${JSON.stringify(this.#do(kind, machine, largeBytes))}`;
    } catch (error) {
      if (error instanceof Errno) return `${kind} came to nothing: ${error.message}`;
      throw error;
    }
  }

  /** A change of a file at this very path, in the midst of what an agent does with it. */
  interfere(machine: Machine, path: BytePath): string {
    const { user } = machine;
    const kind = this.#chance.pick(['write', 'save', 'remove', 'append'] as const);
    try {
      if (kind === 'write') user.write(at(path), this.text(machine, path, 200));
      else if (kind === 'save') user.save(at(path), this.text(machine, path, 200));
      else if (kind === 'append') user.append(at(path), `more ${++this.#written}`);
      else user.remove(at(path));
    } catch (error) {
      if (!(error instanceof Errno)) throw error;
    }
    return `${kind} ${JSON.stringify(path)}`;
  }

  /** Like no other that was ever written. */
  text(machine: Machine, path: BytePath, bytes: number): string {
    const head = `${++this.#written} by ${machine.name} at ${nameOf(path)} `;
    return (
      head +
      (this.#chance.maybe(0.5) ? 'words words '.repeat(Math.ceil(bytes / 12)) : this.#chance.hex(Math.ceil(bytes / 2))).slice(0, bytes)
    );
  }

  #do(kind: Work, machine: Machine, largeBytes: number): unknown {
    const { user } = machine;
    const chance = this.#chance;
    const tree = treeBelow(machine.disk, root);
    const file = () => this.#one(tree, 'file');
    const size = () => this.#size(largeBytes);
    switch (kind) {
      case 'create': {
        const path = this.#newPath(tree);
        user.makeDirectory(at(parentOf(path)));
        user.write(at(path), this.text(machine, path, size()));
        return path;
      }
      case 'overwrite':
        return on(file(), (path) => user.write(at(path), this.text(machine, path, size())));
      case 'append':
        return on(file(), (path) => user.append(at(path), ` and ${++this.#written}`));
      case 'save':
        return on(file(), (path) => user.save(at(path), this.text(machine, path, size())));
      case 'remove':
        return on(this.#one(tree, chance.maybe(0.8) ? 'file' : 'link'), (path) => user.remove(at(path)));
      case 'rename':
        return on(file(), (path) => user.rename(at(path), at(this.#newPath(tree))));
      case 'moveDirectory':
        return on(this.#one(tree, 'dir'), (path) => user.rename(at(path), at(this.#newPath(tree))));
      case 'makeDirectory': {
        const path = this.#newPath(tree);
        user.makeDirectory(at(path));
        return path;
      }
      case 'removeDirectory':
        return on(this.#one(tree, 'dir'), (path) => user.remove(at(path)));
      case 'link': {
        const target = chance.pick(['a', '../b', `${outside}/d`, outside, 'nowhere', '/etc/passwd', '.']);
        const path = this.#newPath(tree);
        user.makeLink(target, at(path));
        return path;
      }
      case 'changeKind':
        return on(chance.pick([...tree.keys(), '']), (path) => this.#changeKind(machine, path, tree.get(path)));
      case 'chmod':
        return on(chance.pick([...tree.keys(), '']), (path) => user.chmod(at(path), chance.pick([0o644, 0o640, 0o755, 0o700, 0o4755])));
      case 'touch':
        return on(file(), (path) => user.touch(at(path), this.#time(machine)));
      case 'truncate':
        return on(file(), (path) => user.truncate(at(path), chance.maybe(0.5) ? 0 : 3));
      case 'hardLink':
        return on(file(), (path) => user.hardLink(at(path), at(this.#newPath(tree))));
      case 'copy':
        return on(file(), (path) => user.write(at(this.#newPath(tree)), user.bytes(at(path))));
      case 'unseen':
        return on(file(), (path) => {
          const before = user.stat(at(path));
          user.write(at(path), this.text(machine, path, 4000).slice(0, before?.size ?? 0));
          user.touch(at(path), before?.mtimeUs ?? 0);
        });
      case 'again':
        return on(file(), (path) => user.save(at(path), user.bytes(at(path))));
      case 'fifo': {
        const path = this.#newPath(tree);
        user.makeFifo(at(path));
        return path;
      }
      case 'chown':
        return on(chance.pick([...tree.keys(), '']), (path) => user.chown(at(path), chance.pick([0, 33]), chance.pick([0, 33])));
      case 'burst': {
        const directory = this.#newPath(tree);
        user.makeDirectory(at(directory));
        for (let count = chance.between(3, 12); count > 0; count--) {
          const path = join(directory, `${chance.pick(plainNames)}${count}`);
          user.write(at(path), this.text(machine, path, size()));
        }
        return directory;
      }
    }
  }

  #changeKind(machine: Machine, path: BytePath, node: Node | undefined): void {
    const { user } = machine;
    user.remove(at(path));
    if (node?.kind === 'dir') user.write(at(path), this.text(machine, path, 30));
    else if (this.#chance.maybe(0.6)) user.makeDirectory(at(join(path, this.#chance.pick(plainNames))));
    else user.makeLink('a', at(path));
  }

  #one(tree: ReadonlyMap<BytePath, Node>, kind: Node['kind']): BytePath {
    const paths = [...tree].filter(([, node]) => node.kind === kind).map(([path]) => path);
    return paths.length === 0 ? '' : this.#chance.pick(paths);
  }

  /** Few names in few directories, so that members meet at the same paths. */
  #newPath(tree: ReadonlyMap<BytePath, Node>): BytePath {
    const chance = this.#chance;
    const directory = chance.maybe(0.5) ? '' : this.#one(tree, 'dir');
    const name = chance.pick(chance.maybe(0.8) ? plainNames : hostileNames);
    const path = join(directory, name);
    return chance.maybe(0.15) && directory.length < 300 ? join(path, chance.pick(plainNames)) : path;
  }

  #size(largeBytes: number): number {
    const drawn = this.#chance.fraction();
    if (drawn < 0.55) return this.#chance.between(1, 120);
    return drawn < 0.9 ? this.#chance.between(120, 1500) : this.#chance.between(largeBytes, largeBytes * 2);
  }

  #time(machine: Machine): number {
    const yearUs = 365 * 24 * 3600 * 1e6;
    return machine.wallUs() + Math.round((this.#chance.fraction() * 20 - 15) * yearUs);
  }
}

export function at(path: BytePath): string {
  return path === '' ? root : `${root}/${path}`;
}

/** Nothing is done where there is nothing to do it to: the root itself stays. */
function on(path: BytePath, work: (path: BytePath) => void): BytePath {
  if (path !== '') work(path);
  return path;
}
