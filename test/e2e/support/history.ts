import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { editOnce } from './edits.ts';
import { type Federation, quickShare, startFederation } from './federation.ts';
import { type Content, contentsOf, lost } from './kept.ts';
import { type Dice, dice } from './random.ts';
import { differences, snapshot, type Tree } from './tree.ts';

const members = ['web-a', 'web-b', 'web-c'];
const roundsPerSeed = 10;
const policies = ['newest', 'remote', 'local'] as const;

interface History {
  readonly federation: Federation;
  readonly random: Dice;
  readonly told: string[];
  readonly seen: Set<Content>;
}

function edit({ federation, random, told }: History, editors: readonly string[]): void {
  for (const member of editors) {
    const count = 1 + random.below(4);
    for (let i = 0; i < count; i++) told.push(`${member}: ${editOnce(federation.root(member), random)}`);
  }
}

function look({ federation, seen }: History): Tree[] {
  const trees = members.map((member) => snapshot(federation.root(member)));
  for (const tree of trees) for (const content of contentsOf(tree)) seen.add(content);
  return trees;
}

async function sync({ federation, told }: History, member: string): Promise<void> {
  told.push(`${member}: sync`);
  const { code, stdout, stderr } = await federation.run(member, ['sync']);
  if (code !== 0 || stdout !== '' || stderr !== '') throw new Error(`${member}: sync ended with ${code}\n${stdout}${stderr}`);
}

async function inTurn(history: History, order: readonly string[]): Promise<void> {
  for (const member of order) await sync(history, member);
}

async function together(history: History): Promise<void> {
  history.told.push('together:');
  const runs = await Promise.allSettled(members.map((member) => sync(history, member)));
  for (const run of runs) if (run.status === 'rejected') throw run.reason;
}

/** Everybody publishes in the first pass, everybody has everything after the second. */
async function requireEqual(history: History, passes: number): Promise<Tree[]> {
  for (let pass = 0; pass < passes; pass++) await inTurn(history, history.random.shuffled(members));
  const trees = look(history);
  for (const tree of trees.slice(1)) requireNone('trees differ', differences(trees[0] as Tree, tree));
  return trees;
}

function requireNone(what: string, lines: readonly string[]): void {
  if (lines.length > 0) throw new Error(`${what}:\n${lines.join('\n')}`);
}

/** One member stays away while the others go on for some time; all of them edit. */
async function absence(history: History): Promise<void> {
  const { random } = history;
  const [away = '', ...present] = random.shuffled(members);
  for (let times = 2 + random.below(3); times > 0; times--) {
    edit(history, random.oneIn(2) ? present : [random.pick(present)]);
    look(history);
    await inTurn(history, random.shuffled(present));
  }
  edit(history, [away]);
  look(history);
  await requireEqual(history, 2);
}

async function round(history: History): Promise<void> {
  const { random, told } = history;
  const way = random.pick(['one', 'one', 'turn', 'together', 'together', 'absence'] as const);
  told.push(`-- ${way}`);
  if (way === 'one') {
    const editor = random.pick(members);
    edit(history, [editor]);
    const wanted = look(history)[members.indexOf(editor)] as Tree;
    await inTurn(history, [editor, ...random.shuffled(members.filter((member) => member !== editor))]);
    for (const tree of look(history)) requireNone('a tree differs from the one that was edited', differences(wanted, tree));
    return;
  }
  if (way === 'absence') return await absence(history);
  edit(history, members);
  look(history);
  if (way === 'together') await together(history);
  await requireEqual(history, 2);
}

/** Ten rounds of edits and syncs. Throws with everything that was done when the trees differ in the end, or a content is gone. */
export async function live(seed: number): Promise<void> {
  const federation = startFederation(members);
  const history: History = { federation, random: dice(seed), told: [], seen: new Set() };
  for (const member of members) federation.configure(member, [...quickShare, `conflict: ${history.random.pick(policies)}`]);
  try {
    // A root that is emptied by chance would be held, rightly.
    writeFileSync(join(federation.root('web-a'), 'keep'), '');
    // Joining has its own tests; here everybody has joined before the first edit.
    await inTurn(history, members);
    for (let i = 0; i < roundsPerSeed; i++) await round(history);
    requireNone('contents are lost', await lost(federation, members, history.seen, look(history)));
  } catch (error) {
    const text = history.told.map((line) => JSON.stringify(line)).join('\n');
    throw new Error(`seed ${seed} (FLOCKSYNC_SEEDS="${seed}" repeats it)\n${text}\n${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  } finally {
    federation.close();
  }
}
