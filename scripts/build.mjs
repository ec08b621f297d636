// Builds dist/: one bundle of the program, and the launcher that refuses a Node which is too old to parse it.
import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
// Another place, for whoever must not be disturbed by a build meanwhile; node_modules has to be found from there.
const out = resolve(root, process.env.FLOCKSYNC_DIST ?? 'dist');
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const { metafile } = await build({
  entryPoints: {
    flocksync: join(root, 'src/main.ts'),
    'codec-thread': join(root, 'src/adapters/codec-thread.ts'),
    'watch-thread': join(root, 'src/adapters/watch-thread.ts'),
  },
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Modules of the packages rather than their CommonJS: an import() of those would come without names, and nothing could be left out.
  mainFields: ['module', 'main'],
  // The native module cannot be bundled; pino starts its file transport from its own directory.
  external: ['better-sqlite3'],
  banner: { js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);" },
  define: { FLOCKSYNC_VERSION: JSON.stringify(version) },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
cpSync(join(root, 'src/launcher.js'), join(out, 'main.js'));
chmodSync(join(out, 'main.js'), 0o755);
cpSync(join(root, 'src/adapters/schema'), join(out, 'schema'), { recursive: true });
// Which packages left something in the bundle, for whoever has to name their licences.
if (process.env.FLOCKSYNC_METAFILE !== undefined) writeFileSync(process.env.FLOCKSYNC_METAFILE, JSON.stringify(metafile));
cpSync(join(root, 'src/adapters/page'), join(out, 'page'), { recursive: true });
