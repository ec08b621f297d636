import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** One line per name below `root`, in byte order: kind, mode, modification time of files in µs, content or target. */
export function snapshot(root: string): string[] {
  const lines: string[] = [];
  visit(Buffer.from(root), '', lines);
  return lines.sort();
}

/** The staging area is no content. */
const staging = '.flocksync';

function visit(root: Buffer, prefix: string, lines: string[]): void {
  for (const name of readdirSync(Buffer.concat([root, Buffer.from(`/${prefix}`, 'latin1')]), { encoding: 'buffer' })) {
    const path = prefix === '' ? name.toString('latin1') : `${prefix}/${name.toString('latin1')}`;
    if (path === staging) continue;
    const absolute = Buffer.concat([root, Buffer.from(`/${path}`, 'latin1')]);
    const stat = lstatSync(absolute, { bigint: true });
    const mode = (stat.mode & 0o7777n).toString(8);
    if (stat.isDirectory()) {
      lines.push(`${path} dir ${mode}`);
      visit(root, path, lines);
    } else if (stat.isSymbolicLink()) lines.push(`${path} link ${readlinkSync(absolute, { encoding: 'buffer' }).toString('latin1')}`);
    else if (stat.isFile())
      lines.push(`${path} file ${mode} ${stat.mtimeNs / 1000n} ${createHash('sha256').update(readFileSync(absolute)).digest('hex')}`);
    else lines.push(`${path} other`);
  }
}

/** Paths only, without metadata. */
export function names(root: string): string[] {
  return snapshot(root).map((line) => line.replace(/ (dir|file|link|other)( .*)?$/, ''));
}

/** A tree from a table: text is a file, null a directory, `{ link }` a symbolic link. Parents are made. */
export function plant(root: string, tree: Readonly<Record<string, string | Buffer | null | { readonly link: string }>>): void {
  for (const [path, content] of Object.entries(tree)) {
    const absolute = join(root, path);
    mkdirSync(content === null ? absolute : dirname(absolute), { recursive: true });
    if (content === null) continue;
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(absolute, content);
    else symlinkSync(content.link, absolute);
  }
}
