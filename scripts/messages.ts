// Writes docs/messages.md, every sentence that flocksync can print, from the source: npx tsx scripts/messages.ts
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../test/source.ts';
import { messagesPage } from '../test/spoken.ts';

const file = join(projectRoot, 'docs/messages.md');
writeFileSync(file, messagesPage());
console.log(`${file} written`);
