// A process of its own that commits without end until it is killed: `sqlite-writer.ts FILE`. Each commit raises the cursor and
// writes the same number to many rows; the number is printed after the commit.
import { writeSync } from 'node:fs';
import { openJournal } from '../../src/adapters/sqlite.ts';
import { agreed, want } from './sqlite-rows.ts';

const [file = ''] = process.argv.slice(2);
const journal = openJournal({ file });
for (let cursor = Number(journal.meta('cursor') ?? '0') + 1; ; cursor++) {
  journal.transaction(() => {
    journal.setMeta('cursor', String(cursor));
    for (let i = 0; i < 200; i++) {
      const path = `directory ${i % 10}/${i}`;
      if ((i + cursor) % 2 === 0) journal.putAgreed(agreed(path, { version: cursor }));
      else journal.dropAgreed(path);
      journal.putWant(want(path, { version: cursor }));
    }
  });
  if (cursor % 50 === 0) journal.flush();
  writeSync(1, `${cursor}\n`);
}
