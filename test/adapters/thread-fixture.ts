import { join } from 'node:path';
import { build } from 'esbuild';
import { onTestFinished } from 'vitest';
import { type FilingCodec, openCodec } from '../../src/adapters/codec.ts';
import { temporaryDirectory } from './temporary.ts';

/** The thread's module, built anew in that directory. */
export async function builtThread(directory: string): Promise<string> {
  const file = join(directory, 'codec-thread.mjs');
  const entry = new URL('../../src/adapters/codec-thread.ts', import.meta.url).pathname;
  await build({ entryPoints: [entry], outfile: file, bundle: true, format: 'esm', platform: 'node' });
  return file;
}

export const threadPlaces = ['in this thread', 'in a thread of its own'] as const;

export async function codecIn(place: string, idleMs?: number): Promise<FilingCodec> {
  const codec = openCodec(place === 'in this thread' ? '/nowhere' : await builtThread(temporaryDirectory()), idleMs);
  onTestFinished(() => codec.close());
  return codec;
}
