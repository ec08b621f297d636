import {
  appendFileSync,
  chmodSync,
  closeSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import type { Dice } from './random.ts';
import { bytes, named } from './tree.ts';

/** Few names, so that members meet at the same paths; every one of them has broken some program. */
const names: readonly string[] = [
  'index.php',
  'a',
  'b',
  'c',
  'log',
  '.htaccess',
  '-rf *',
  'new\nline "quoted" \'twice\'',
  'a\\b',
  '~',
  '[glob]?*{x}',
  named('Größe.txt'),
  named('Gro\u0308ße.txt'.normalize('NFD')),
  '\xff\xfe\x80 not UTF-8',
  '.flocksync-x',
  ' ',
];
const privileged = process.geteuid?.() === 0;
const fileModes = privileged ? [0o644, 0o600, 0o755, 0o000, 0o444] : [0o644, 0o600, 0o755, 0o444];
const directoryModes = privileged ? [0o755, 0o700, 0o555, 0o1777] : [0o755, 0o700, 0o1777];
const depthMax = 3;

interface Place {
  readonly path: string;
  readonly kind: 'file' | 'dir' | 'link';
}

/** Makes one random change below `root`; returns what it did, for the report of a failure. */
export function editOnce(root: string, random: Dice): string {
  const places = placesBelow(root);
  const edit = random.pick(edits);
  return edit({ root, places, random }) ?? create({ root, places, random });
}

interface Site {
  readonly root: string;
  readonly places: readonly Place[];
  readonly random: Dice;
}

/** null: there was nothing to do that to. */
type Edit = (site: Site) => string | null;

const edits: readonly Edit[] = [
  (site) => create(site),
  (site) => create(site),
  (site) => write(site),
  (site) => write(site),
  (site) => editInPlace(site),
  (site) => editInPlace(site),
  (site) => append(site),
  (site) => truncate(site),
  (site) => rename(site),
  (site) => rename(site),
  (site) => remove(site),
  (site) => remove(site),
  (site) => changeKind(site),
  (site) => changeMode(site),
  (site) => touch(site),
  (site) => makeDirectory(site),
  (site) => hardLink(site),
  (site) => makeLink(site),
  (site) => copy(site),
  (site) => replaceUnseen(site),
];

function placesBelow(root: string): Place[] {
  const places: Place[] = [];
  const walk = (directory: string) => {
    for (const entry of readdirSync(bytes(named(root) + directory), { encoding: 'latin1', withFileTypes: true })) {
      if (['.flocksync', 'keep'].includes(entry.name)) continue;
      const path = `${directory}/${entry.name}`;
      places.push({ path, kind: entry.isDirectory() ? 'dir' : entry.isSymbolicLink() ? 'link' : 'file' });
      if (entry.isDirectory()) walk(path);
    }
  };
  walk('');
  return places.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function full({ root }: Site, path: string): Buffer {
  return bytes(named(root) + path);
}

function some({ places, random }: Site, kinds: readonly Place['kind'][]): Place | null {
  const fitting = places.filter((place) => kinds.includes(place.kind));
  return fitting.length === 0 ? null : random.pick(fitting);
}

/** A path that is free, not too deep; its directory stands. */
function freePath(site: Site, outside?: string): string | null {
  const directories = site.places.filter((place) => place.kind === 'dir' && place.path.split('/').length <= depthMax);
  const fitting = ['', ...directories.map((place) => place.path)].filter((path) => outside === undefined || !within(path, outside));
  const path = `${site.random.pick(fitting)}/${site.random.pick(names)}`;
  return site.places.some((place) => place.path === path) ? null : path;
}

function within(path: string, directory: string): boolean {
  return path === directory || path.startsWith(`${directory}/`);
}

function content({ random }: Site): string {
  if (random.oneIn(12)) return '';
  if (random.oneIn(8)) return 'the same on every member';
  const length = random.oneIn(15) ? 300_000 : 10 + random.below(60);
  return `${random.below(2 ** 31)}:`.padEnd(length, String(random.below(10)));
}

function create(site: Site): string {
  const path = freePath(site);
  if (path === null) return 'nothing';
  writeFileSync(full(site, path), content(site));
  return `create ${path}`;
}

function write(site: Site): string | null {
  const place = some(site, ['file']);
  if (place === null) return null;
  writeFileSync(full(site, place.path), content(site));
  return `write ${place.path}`;
}

/** Size and modification time stay. */
function editInPlace(site: Site): string | null {
  const place = some(site, ['file']);
  if (place === null) return null;
  const before = lstatSync(full(site, place.path));
  const fd = openSync(full(site, place.path), 'r+');
  writeSync(fd, String(site.random.below(10)).repeat(Math.min(before.size, 5)), 0);
  closeSync(fd);
  setTime(site, place.path, before.mtimeMs / 1000);
  return `in place ${place.path}`;
}

function append(site: Site): string | null {
  const place = some(site, ['file']);
  if (place === null) return null;
  appendFileSync(full(site, place.path), content(site));
  return `append ${place.path}`;
}

function truncate(site: Site): string | null {
  const place = some(site, ['file']);
  if (place === null) return null;
  writeFileSync(full(site, place.path), '');
  return `truncate ${place.path}`;
}

function rename(site: Site): string | null {
  const place = some(site, ['file', 'dir', 'dir', 'link']);
  if (place === null) return null;
  const to = freePath(site, place.path);
  if (to === null) return null;
  renameSync(full(site, place.path), full(site, to));
  return `rename ${place.path} ${to}`;
}

function remove(site: Site): string | null {
  const place = some(site, ['file', 'dir', 'link']);
  if (place === null) return null;
  rmSync(full(site, place.path), { recursive: true });
  return `remove ${place.path}`;
}

function changeKind(site: Site): string | null {
  const place = some(site, ['file', 'dir', 'link']);
  if (place === null) return null;
  rmSync(full(site, place.path), { recursive: true });
  const kind = site.random.pick((['file', 'dir', 'link'] as const).filter((each) => each !== place.kind));
  if (kind === 'file') writeFileSync(full(site, place.path), content(site));
  else if (kind === 'link') symlinkSync('nowhere/to go', full(site, place.path));
  else {
    mkdirSync(full(site, place.path));
    if (site.random.oneIn(2)) writeFileSync(full(site, `${place.path}/${site.random.pick(names)}`), content(site));
  }
  return `${place.kind} to ${kind} ${place.path}`;
}

function changeMode(site: Site): string | null {
  const place = some(site, ['file', 'dir']);
  if (place === null) return null;
  const mode = site.random.pick(place.kind === 'file' ? fileModes : directoryModes);
  // Whoever is not root must still be able to edit what it made.
  chmodSync(full(site, place.path), process.getuid?.() === 0 ? mode : mode | (place.kind === 'file' ? 0o600 : 0o700));
  return `chmod ${place.path}`;
}

function touch(site: Site): string | null {
  const place = some(site, ['file']);
  if (place === null) return null;
  setTime(site, place.path, site.random.pick([-1.5, 0, 1_700_000_000.123456, 4_000_000_000]) + site.random.below(1000) / 1000);
  return `touch ${place.path}`;
}

/** As text, since Node takes a negative number for the present time. */
function setTime(site: Site, path: string, seconds: number): void {
  utimesSync(full(site, path), '1000000000', String(seconds));
}

function makeDirectory(site: Site): string | null {
  const path = freePath(site);
  if (path === null) return null;
  mkdirSync(full(site, path));
  return `mkdir ${path}`;
}

function hardLink(site: Site): string | null {
  const place = some(site, ['file']);
  const to = freePath(site);
  if (place === null || to === null) return null;
  linkSync(full(site, place.path), full(site, to));
  return `hard link ${place.path} ${to}`;
}

function makeLink(site: Site): string | null {
  const old = site.random.oneIn(3) ? some(site, ['link']) : null;
  const path = old?.path ?? freePath(site);
  if (path === null) return null;
  const target = site.random.pick(['/etc', '..', 'a', path.split('/').at(-1) ?? '', '\xff gone']);
  if (old !== null && readlinkSync(full(site, path), 'latin1') === target) return null;
  if (old !== null) rmSync(full(site, path));
  symlinkSync(bytes(target), full(site, path));
  return `link ${path} -> ${target}`;
}

function copy(site: Site): string | null {
  const place = some(site, ['file']);
  const to = freePath(site);
  if (place === null || to === null) return null;
  copyFileSync(full(site, place.path), full(site, to));
  return `copy ${place.path} ${to}`;
}

/** Another inode takes the name, with equal size and time. */
function replaceUnseen(site: Site): string | null {
  const place = some(site, ['file']);
  const to = freePath(site);
  if (place === null || to === null) return null;
  const before = lstatSync(full(site, place.path));
  writeFileSync(full(site, to), String(site.random.below(10)).repeat(before.size), { mode: before.mode & 0o777 });
  setTime(site, to, before.mtimeMs / 1000);
  renameSync(full(site, to), full(site, place.path));
  return `replace ${place.path}`;
}
