import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const directories = 10;
const filesEach = 20;

/** A small site: 200 files in ten directories, and a link. Contents do not shrink, so that a change needs a pack. */
export function seedSite(root: string): void {
  for (let d = 0; d < directories; d++) {
    mkdirSync(join(root, `dir-${d}`), { recursive: true });
    for (let f = 0; f < filesEach; f++) writeFileSync(join(root, `dir-${d}`, `file-${f}`), content(`${d}/${f}`, 800));
  }
  symlinkSync('dir-0', join(root, 'current'));
}

/** One round of everything that a site goes through: edits, new and deleted files and directories, a mode, a link, a change of kind. */
export function change(root: string, round: number): void {
  const busy = `dir-${round % directories}`;
  mkdirSync(join(root, busy), { recursive: true });
  for (let f = 0; f < 12; f++) writeFileSync(join(root, busy, `file-${f}`), content(`${round} ${f}`, 8000));
  for (let f = 0; f < 30; f++) writeFileSync(join(root, busy, `new-${round}-${f}`), content(`new ${round} ${f}`, 500));
  chmodSync(join(root, busy, 'file-0'), round % 2 === 0 ? 0o600 : 0o644);
  mkdirSync(join(root, `made-${round}`, 'deep'), { recursive: true });
  writeFileSync(join(root, `made-${round}`, 'deep', 'page'), `${round}`);
  rmSync(join(root, `made-${round - 3}`), { recursive: true, force: true });
  removeOld(root, round);
  unlinkSync(join(root, 'current'));
  symlinkSync(`dir-${round % directories}`, join(root, 'current'));
  const kind = join(root, 'kind');
  rmSync(kind, { recursive: true, force: true });
  if (round % 3 === 0) writeFileSync(kind, `${round}`);
  else if (round % 3 === 1) mkdirSync(kind);
  else symlinkSync('dir-1/file-1', kind);
}

function removeOld(root: string, round: number): void {
  const directory = join(root, `dir-${(round + 8) % directories}`);
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) if (name.startsWith('new-')) rmSync(join(directory, name));
}

/** Deterministic, and nothing that a codec could shrink much. */
function content(seed: string, bytes: number): string {
  let state = [...seed].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7);
  let text = '';
  while (text.length < bytes) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += state.toString(36);
  }
  return text;
}
