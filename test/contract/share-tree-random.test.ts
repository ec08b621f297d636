import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BytePath } from '../../src/model/path.ts';
import { DiskFault, type Expected, type PreciseStat, type ShareTree } from '../../src/ports/filesystem.ts';
import { all, type Ground, type Kind, readAll, stageText } from './share-tree/ground.ts';
import { memoryKind } from './share-tree/memory-ground.ts';
import { realKind } from './share-tree/real-ground.ts';

const names = ['a', 'b', 'd', 'd/a', 'd/b', 'd/e', 'd/e/a', 'd/e/b'];
const modes = [0o600, 0o644, 0o755, 0o500, 0o2755];

type Doing = (ground: Ground) => unknown;

/** One step of a history, told in words, with what it does to any ground. */
interface Step {
  readonly told: string;
  readonly run: Doing;
}

const path = fc.constantFrom(...names);
const text = fc.string({ maxLength: 6, unit: fc.constantFrom('x', 'y', 'z') });
const mode = fc.constantFrom(...modes);
const trashName = fc.constantFrom('t1', 't2', 't3');

function step(told: string, run: Doing): Step {
  return { told, run };
}

const userStep = fc.oneof(
  fc.tuple(path, text).map(([p, t]) => step(`write ${p} ${t}`, ({ user }) => user.write(`root/${p}`, t))),
  fc.tuple(path, text).map(([p, t]) => step(`append ${p} ${t}`, ({ user }) => user.append(`root/${p}`, t))),
  fc.tuple(path, text).map(([p, t]) => step(`save ${p} ${t}`, ({ user }) => user.save(`root/${p}`, t))),
  fc.tuple(path, fc.nat(8)).map(([p, size]) => step(`truncate ${p} ${size}`, ({ user }) => user.truncate(`root/${p}`, size))),
  path.map((p) => step(`mkdir ${p}`, ({ user }) => user.makeDirectory(`root/${p}`))),
  fc
    .tuple(path, fc.constantFrom('a', 'e', '../b', '/no/such/place'))
    .map(([p, t]) => step(`ln -s ${t} ${p}`, ({ user }) => user.makeLink(t, `root/${p}`))),
  fc.tuple(path, path).map(([p, q]) => step(`ln ${p} ${q}`, ({ user }) => user.hardLink(`root/${p}`, `root/${q}`))),
  fc.tuple(path, path).map(([p, q]) => step(`mv ${p} ${q}`, ({ user }) => user.rename(`root/${p}`, `root/${q}`))),
  path.map((p) => step(`rm -r ${p}`, ({ user }) => user.remove(`root/${p}`))),
  fc.tuple(path, mode).map(([p, m]) => step(`chmod ${m} ${p}`, ({ user }) => user.chmod(`root/${p}`, m))),
  fc.tuple(path, fc.nat(1000)).map(([p, us]) => step(`touch ${us} ${p}`, ({ user }) => user.touch(`root/${p}`, us))),
);

/** What is expected of a path: what a look says, or a little beside it. */
function expected({ tree }: Ground, p: BytePath, wrong: boolean): Expected {
  const seen = tree.look(p) ?? { kind: 'file' as const, ino: 1, size: 0, mtimeKey: 0, ctimeKey: 0 };
  return wrong ? { ...seen, size: seen.size + 1 } : seen;
}

const wrong = fc.integer({ min: 0, max: 3 }).map((number) => number === 0);

const lookingStep = fc.oneof(
  path.map((p) => step(`look ${p}`, ({ tree }) => tree.look(p))),
  fc.constantFrom('', ...names).map((p) => step(`list ${p}`, ({ tree }) => listed(tree, p))),
  path.map((p) => step(`read the link ${p}`, ({ tree }) => tree.readLink(p))),
  path.map((p) => step(`read ${p}`, ({ tree }) => readAll(tree, p))),
);

const placingStep = fc.oneof(
  fc
    .tuple(path, text, mode)
    .map(([p, t, m]) => step(`place ${p} ${t}`, ({ tree }) => discarding(tree, t, m, (staged) => tree.placeNew(staged, p)))),
  fc
    .tuple(path, text, wrong, trashName)
    .map(([p, t, w, n]) =>
      step(`place ${t} over ${p} (${n}, ${w})`, (ground) =>
        discarding(ground.tree, t, 0o644, (staged) => ground.tree.placeOver(staged, p, expected(ground, p, w), n)),
      ),
    ),
  fc
    .tuple(path, wrong, trashName)
    .map(([p, w, n]) => step(`link over ${p} (${n}, ${w})`, (ground) => ground.tree.replaceByLink(p, 'a', expected(ground, p, w), n))),
  fc
    .tuple(path, wrong, trashName)
    .map(([p, w, n]) => step(`trash ${p} (${n}, ${w})`, (ground) => ground.tree.moveToTrash(p, expected(ground, p, w), n))),
  fc.tuple(trashName, path).map(([n, p]) => step(`restore ${n} to ${p}`, ({ tree }) => tree.restoreFromTrash(n, p))),
  trashName.map((n) => step(`forget ${n}`, ({ tree }) => tree.removeFromTrash(n))),
  path.map((p) => step(`place into ${p}`, ({ tree }) => placedTogether(tree, p))),
  path.map((p) => step(`place the tree ${p}`, ({ tree }) => placedTree(tree, p))),
);

const makingStep = fc.oneof(
  fc.tuple(path, mode).map(([p, m]) => step(`make directory ${p}`, ({ tree }) => tree.makeDirectory(p, m))),
  fc.constantFrom('a', 'd', 'd', 'd/e').map((p) => step(`remove directory ${p}`, ({ tree }) => tree.removeDirectory(p))),
  fc.tuple(path, fc.constantFrom('a', '..', '/no/such/place')).map(([p, t]) => step(`make link ${p}`, ({ tree }) => tree.makeLink(p, t))),
  fc
    .tuple(path, mode, fc.nat(1000))
    .map(([p, m, us]) =>
      step(`set ${m} ${us} of ${p}`, ({ tree }) => tree.setMetadata(p, tree.look(p)?.ino ?? 1, { mode: m, mtimeUs: us })),
    ),
  fc.constant(
    step('begin a cycle', ({ tree }) => {
      tree.rootState();
      tree.prepareStaging();
    }),
  ),
);

function discarding(tree: ShareTree, content: string, m: number, place: (staged: ReturnType<typeof stageText>) => { outcome: string }) {
  const staged = stageText(tree, '', content, m);
  try {
    return place(staged);
  } finally {
    tree.discard(staged);
  }
}

function listed(tree: ShareTree, p: BytePath) {
  const { names: found, statAt, vanished, skipped } = tree.readDirectory(p, all);
  return { found, kinds: found.map((_, index) => statAt(index).kind), vanished, skipped };
}

function placedTogether(tree: ShareTree, p: BytePath) {
  const files = ['a', 'c'].map((name) => ({ name, staged: stageText(tree, '', name) }));
  const results = tree.placeAllNew(p, files);
  for (const { staged } of files) tree.discard(staged);
  return results.map((result) => (result instanceof DiskFault ? result.code : result));
}

function placedTree(tree: ShareTree, p: BytePath) {
  tree.stageTree([p, `${p}/in`]);
  stageText(tree, `${p}/in`, 'inside');
  const metadata = new Map([
    [p, { mode: 0o750 }],
    [`${p}/in`, { mode: 0o755 }],
  ]);
  try {
    const placed = tree.placeTree(p, metadata);
    return placed.outcome === 'done' ? [...placed.stats].map(([path, stat]) => [path, stat]) : placed;
  } finally {
    tree.discardTree(p);
  }
}

/** Of stamps that a clock gave, nothing is compared. */
const clockGaveUs = 1e15;

/** What both kinds must agree on; inode numbers, devices and the sizes of directories are each disk's own. */
function plain(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(plain);
  if (!('ino' in value)) return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  const { kind, size, mode: rights, mtimeUs, links, uid, gid } = value as PreciseStat;
  const times = kind === 'file' && mtimeUs < clockGaveUs ? mtimeUs : 'now';
  return { kind, size: kind === 'dir' ? 0 : size, rights, times, links: kind === 'dir' ? 0 : links, uid, gid };
}

function outcomeOf({ run }: Step, ground: Ground): unknown {
  try {
    return plain(run(ground));
  } catch (error) {
    if (error instanceof DiskFault) return `DiskFault ${error.code}`;
    return error instanceof Error && 'code' in error ? 'refused' : error;
  }
}

/** Everything that stands below the base: kinds, contents, rights, and which names lead to one inode. */
function picture({ user }: Ground): Record<string, unknown> {
  const seen: Record<string, unknown> = {};
  const firstNames = new Map<number, string>();
  const visit = (at: string): void => {
    for (const name of user.list(at)) {
      const where = at === '' ? name : `${at}/${name}`;
      const stat = user.stat(where);
      if (stat === null || /^\.flocksync-web\/(lock|holder|proved)$/.test(where)) continue;
      if (!firstNames.has(stat.ino)) firstNames.set(stat.ino, where);
      const content = stat.kind === 'file' ? user.read(where) : stat.kind === 'link' ? user.readLink(where) : '';
      seen[where] = [plain(stat), content, firstNames.get(stat.ino)];
      if (stat.kind === 'dir') visit(where);
    }
  };
  visit('');
  return seen;
}

function prepared(kind: Kind): Ground {
  const ground = kind.open();
  ground.tree.rootState();
  ground.tree.prepareStaging();
  return ground;
}

// On the simulated disk everybody is root.
test.skipIf(!realKind().privileged)(
  'whatever is done, the simulated disk answers and ends as a real one does',
  () => {
    const history = fc.array(fc.oneof(userStep, userStep, lookingStep, placingStep, makingStep), { minLength: 5, maxLength: 40 });
    const outcomes = new Set<string>();
    fc.assert(
      fc.property(history, (steps) => {
        const [real, memory] = [prepared(realKind()), prepared(memoryKind)];
        for (const [index, each] of steps.entries()) {
          const told = `${steps
            .slice(0, index + 1)
            .map((one) => one.told)
            .join('\n')}\n`;
          const [ofReal, ofMemory] = [outcomeOf(each, real), outcomeOf(each, memory)];
          outcomes.add(typeof ofReal === 'string' ? ofReal : ((ofReal as { outcome?: string } | null)?.outcome ?? 'other'));
          expect(ofMemory, told).toEqual(ofReal);
          expect(picture(memory), told).toEqual(picture(real));
        }
      }),
      { numRuns: 120, seed: 20_261_120 },
    );
    const met = [
      'done',
      'occupied',
      'changed',
      'absent',
      'not-empty',
      'refused',
      'DiskFault absent',
      'DiskFault not-directory',
      'DiskFault io',
    ];
    expect([...outcomes]).toEqual(expect.arrayContaining(met));
  },
  60_000,
);
