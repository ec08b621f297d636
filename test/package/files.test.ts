import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../source.ts';

const file = join(projectRoot, 'packaging/logrotate');

test('the rotation that is packed is the one that docs/5 shows', () => {
  expect(readFileSync(join(projectRoot, 'docs/5-operations.md'), 'utf8')).toContain(`\n\`\`\`\n${readFileSync(file, 'utf8')}\`\`\`\n`);
});

const canRotate = spawnSync('logrotate', ['--version']).status === 0;
test.skipIf(!canRotate)('logrotate understands it', () => {
  const { status, stderr } = spawnSync('logrotate', ['--debug', '--state', '/dev/null', file], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, expect.stringContaining('rotating pattern: /var/log/flocksync.jsonl')]);
  expect(stderr).not.toMatch(/^error/m);
});
