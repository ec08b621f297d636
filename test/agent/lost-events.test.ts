import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/model/digest.ts';
import { parentOf } from '../../src/model/path.ts';
import type { Scope } from '../../src/model/scope.ts';
import type { VersionRow } from '../../src/ports/journal.ts';
import { temporaryDirectory } from '../adapters/temporary.ts';
import { memberIn, type TestMember } from './member.ts';

const names = ['a', 'b', 'c'] as const;
const path = fc.array(fc.constantFrom(...names), { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const edit = fc.record({ do: fc.constantFrom('write', 'write', 'remove', 'move'), path, to: path, isHeard: fc.boolean() });
const steps = fc.array(fc.array(edit, { minLength: 1, maxLength: 4 }), { minLength: 2, maxLength: 5 });

/** Contents by path; null for a directory. */
function treeOf(root: string, below = ''): Map<string, string | null> {
  const found = new Map<string, string | null>();
  for (const name of readdirSync(join(root, below))) {
    const each = below === '' ? name : `${below}/${name}`;
    const isDirectory = statSync(join(root, each)).isDirectory();
    found.set(each, isDirectory ? null : readFileSync(join(root, each), 'utf8'));
    if (isDirectory) for (const [inside, content] of treeOf(root, each)) found.set(inside, content);
  }
  return found;
}

let stroke = 0;

/** Returns the directories that an event would name. */
function carryOut({ root }: TestMember, { do: what, path: from, to }: { do: string; path: string; to: string }): string[] {
  const above = (each: string) => each.split('/').map((_, i, parts) => parts.slice(0, i).join('/'));
  const standing = (each: string) => above(each).filter((dir) => existsSync(join(root, dir)));
  const dirty = [standing(from).at(-1) ?? '', parentOf(from), standing(to).at(-1) ?? '', parentOf(to)];
  try {
    if (what === 'remove') rmSync(join(root, from), { recursive: true });
    else {
      const target = what === 'move' ? to : from;
      mkdirSync(join(root, parentOf(target)), { recursive: true });
      if (what === 'move') renameSync(join(root, from), join(root, to));
      else writeFileSync(join(root, from), `${stroke++}`);
    }
  } catch {
    // A file stands in the way, or nothing is there: that is no edit.
  }
  return dirty;
}

/** Everything that ever stood at a path, so that what is published can be held against it. */
class Past {
  readonly #seen = new Map<string, Set<string>>();

  note(tree: ReadonlyMap<string, string | null>): void {
    for (const each of new Set([...tree.keys(), ...this.#seen.keys()])) {
      const before = this.#seen.get(each) ?? new Set<string>();
      this.#seen.set(each, before.add(stateOf(tree, each)));
    }
  }

  knows(each: string, state: string): boolean {
    return this.#seen.get(each)?.has(state) === true;
  }
}

function stateOf(tree: ReadonlyMap<string, string | null>, each: string): string {
  const content = tree.get(each);
  return content === undefined ? 'nothing' : content === null ? 'dir' : contentHash(Buffer.from(content));
}

function published({ op, entry }: VersionRow): string {
  return op === 'delete' || entry === null ? 'nothing' : entry.kind === 'file' ? entry.hash : entry.kind;
}

const nowhere: Scope = { kind: 'directories', paths: new Set(), subtrees: new Set() };

test('where events are lost nothing wrong is published, and the sweep brings what is missing', async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const home = temporaryDirectory();
      const config = { maxDelete: { percent: 100, percentBelow40: 100, floor: 1000, windowMs: 1000 } };
      const [a, b] = [memberIn(home, 'a', { config }), memberIn(home, 'b', { config })];
      const past = new Past();
      for (const first of ['a/b/c', 'b/a/a', 'c/c']) carryOut(a, { do: 'write', path: first, to: first });
      past.note(treeOf(a.root));
      await a.cycle();
      await b.cycle();
      let checked = 0;
      for (const step of all) {
        const heard = new Set<string>();
        for (const each of step) {
          const dirty = carryOut(a, each);
          if (each.isHeard) for (const dir of dirty) heard.add(dir);
          past.note(treeOf(a.root));
        }
        const scope: Scope = { kind: 'directories', paths: heard, subtrees: new Set() };
        const outcome = await a.cycle({ scope, log: 'known' });
        await b.cycle({ scope: nowhere, log: 'next' });
        for (; checked < outcome.cursor; checked++) {
          for (const change of a.journal.versionsOf(checked + 1))
            expect(past.knows(change.path, published(change)), `${change.op} ${change.path}`).toBe(true);
        }
      }
      await a.cycle({ log: 'next', sweep: true });
      await a.cycle({ log: 'next', sweep: true });
      await b.cycle({ scope: nowhere, log: 'next' });
      expect([...treeOf(b.root)].sort()).toEqual([...treeOf(a.root)].sort());
    }),
    { numRuns: 12 },
  );
});
