import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from './source.ts';

/** The launcher as this version of Node would run it; nothing is built beside it, so the program itself is not found. */
function launched(version: string): { readonly status: number | null; readonly stderr: string } {
  const versions = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`;
  const pretended = `data:text/javascript,${encodeURIComponent(versions)}`;
  return spawnSync(process.execPath, ['--import', pretended, join(projectRoot, 'src/launcher.js'), '--version'], { encoding: 'utf8' });
}

test.each(['18.20.4', '19.9.0'])('Node %s is too old, in one sentence', (version) => {
  expect(launched(version)).toMatchObject({
    ...{ status: 2, stderr: `flocksync needs Node.js 20 or newer; this is ${version}. Install a newer Node.js and run it again.\n` },
  });
});

test.each(['24.19.0', '24.21.0', '25.0.0', '26.1.0'])('Node %s ends the database module, so it is refused', (version) => {
  const { status, stderr } = launched(version);
  expect([status, stderr]).toEqual([2, expect.stringContaining(`flocksync does not run on Node.js ${version}: `)]);
  expect(stderr.trimEnd().split('\n')).toHaveLength(1);
});

test.each(['20.0.0', '22.23.3', '24.18.1'])('Node %s goes on to the program', (version) => {
  expect(launched(version).stderr).toContain('Cannot find module');
});
