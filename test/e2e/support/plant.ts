import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export type Plan = Readonly<Record<string, string | Buffer | null | { readonly link: string }>>;

/** Makes a tree from a table: text is a file, null a directory, `{ link }` a symbolic link. Parents are made. */
export function plant(root: string, plan: Plan): void {
  for (const [path, content] of Object.entries(plan)) {
    const full = join(root, path);
    mkdirSync(content === null ? full : dirname(full), { recursive: true });
    if (content === null) continue;
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(full, content);
    else symlinkSync(content.link, full);
  }
}

/** `count` files of different content in a few directories. */
export function manyFiles(count: number): Plan {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`d${i % 5}/f${i}`, `content ${i}`]));
}
