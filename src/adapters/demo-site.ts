import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What the demo does to its temporary directories. Paths are relative to one of them. */
export interface DemoDisk {
  readonly directory: string;
  makeDirectory(path: string): void;
  write(path: string, content: string | Buffer): void;
  /** Modification time in whole seconds before now. */
  age(path: string, seconds: number): void;
  read(path: string): string;
  move(from: string, to: string): void;
  remove(path: string): void;
  /** Files below a directory. */
  count(path: string): number;
  /** SHA-256 over name, kind, mode, modification time (µs) and content of everything below. */
  digest(path: string): string;
  /** Removes the whole directory. */
  close(): void;
}

export function openDemoDisk(): DemoDisk {
  const directory = mkdtempSync(join(tmpdir(), 'flocksync-demo-'));
  const at = (path: string) => join(directory, path);
  return {
    directory,
    makeDirectory: (path) => void mkdirSync(at(path), { recursive: true }),
    write: (path, content) => writeFile(at(path), content),
    age: (path, seconds) => {
      const then = Date.now() / 1000 - seconds;
      utimesSync(at(path), then, then);
    },
    read: (path) => readFileSync(at(path), 'utf8'),
    move: (from, to) => renameSync(at(from), at(to)),
    remove: (path) => rmSync(at(path), { recursive: true }),
    count: (path) => [...walk(at(path), '')].filter(([, kind]) => kind === 'f').length,
    digest: (path) => digestOf(at(path)),
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}

function writeFile(path: string, content: string | Buffer): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** A small site: pages, a theme, a plugin, uploads, a link. About 300 files and 3 MB, the same at every run. */
export function makeSite(root: string): void {
  writeFile(join(root, 'index.php'), '<?php\nrequire __DIR__ . "/theme/layout.php";\n');
  writeFile(join(root, '.htaccess'), 'RewriteEngine On\nRewriteCond %{REQUEST_FILENAME} !-f\nRewriteRule . /index.php [L]\n');
  writeFile(join(root, 'about.html'), page('About us', 1));
  for (let n = 1; n <= 60; n++) writeFile(join(root, 'pages', `page-${n}`, 'index.html'), page(`Page ${n}`, n));
  for (let n = 1; n <= 40; n++)
    writeFile(join(root, 'theme', n % 2 === 0 ? 'css' : 'js', `part-${n}.${n % 2 === 0 ? 'css' : 'js'}`), styles(n));
  writeFile(join(root, 'theme', 'layout.php'), '<?php include "header.php";\n');
  for (let n = 1; n <= 80; n++)
    writeFile(join(root, 'plugins', 'shop', `class-${n}.php`), `<?php\nclass Shop${n} {}\n${'// '.repeat(n)}\n`);
  for (let n = 1; n <= 120; n++)
    writeFile(join(root, 'uploads', `2026-${String(1 + (n % 6)).padStart(2, '0')}`, `photo-${n}.jpg`), picture(n));
  symlinkSync('uploads/2026-01/photo-6.jpg', join(root, 'cover.jpg'));
}

function page(title: string, n: number): string {
  return `<!doctype html>\n<title>${title}</title>\n<h1>${title}</h1>\n${`<p>Paragraph of page ${n}.</p>\n`.repeat(5 + n)}`;
}

function styles(n: number): string {
  return `/* part ${n} */\n${Array.from({ length: 20 }, (_, line) => `.p${n}-${line} { order: ${line} }`).join('\n')}\n`;
}

/** Bytes that do not compress, as pictures do. */
function picture(n: number): Buffer {
  const blocks = Array.from({ length: 500 + ((n * 37) % 500) }, (_, block) => createHash('sha256').update(`${n} ${block}`).digest());
  return Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0]), ...blocks]);
}

type Kind = 'd' | 'f' | 'l';

function* walk(root: string, below: string): Generator<[string, Kind]> {
  for (const item of readdirSync(join(root, below), { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? item.name : `${below}/${item.name}`;
    yield [path, item.isDirectory() ? 'd' : item.isSymbolicLink() ? 'l' : 'f'];
    if (item.isDirectory()) yield* walk(root, path);
  }
}

function digestOf(root: string): string {
  const hash = createHash('sha256');
  for (const [path, kind] of walk(root, '')) hash.update(`${path}\0${kind} ${facts(join(root, path), kind)}\n`);
  return hash.digest('hex');
}

function facts(path: string, kind: Kind): string {
  const { mode, mtimeNs } = lstatSync(path, { bigint: true });
  if (kind === 'l') return readlinkSync(path);
  if (kind === 'd') return mode.toString(8);
  return `${mode.toString(8)} ${mtimeNs / 1000n} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
}
