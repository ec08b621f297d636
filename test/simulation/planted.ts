import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { projectRoot } from '../source.ts';
import type { Emphasis } from './draws.ts';
import { type Found, hunt, type Way } from './hunt.ts';

/** A bug that is planted to see whether the simulator finds it. */
export interface PlantedBug {
  readonly name: string;
  /** What the program then does, as a sentence. */
  readonly what: string;
  /** The rule or promise that it breaks. */
  readonly rule: string;
  readonly way: Way;
  /** Of so many seeds or points, from 1 on, at least one finds it. */
  readonly within: number;
}

const folder = join(projectRoot, 'test/simulation/planted');

/** Each patch says in its first lines what it does. */
export function plantedBugs(): PlantedBug[] {
  const names = readdirSync(folder).filter((name) => name.endsWith('.patch'));
  return names.sort().map((file) => {
    const text = readFileSync(join(folder, file), 'utf8');
    const said = (key: string) => new RegExp(`^${key}: (.*)$`, 'm').exec(text)?.[1] ?? '';
    const what = text.slice(0, text.indexOf('\n'));
    const way = wayOf(said('Crash'), said('More'));
    return { name: file.replace('.patch', ''), what, rule: said('Rule'), way, within: Number(said('Within')) };
  });
}

/** `Crash: DEATH, SCENARIO`, else what comes more often than it is drawn while seeds look for the bug. */
function wayOf(crash: string, more: string): Way {
  if (crash === '') return { by: 'seeds', emphasis: JSON.parse(more || '{}') as Emphasis };
  const [, death, scenario = ''] = /^(killed|power-cut), (.*)$/.exec(crash) ?? [];
  if (death !== 'killed' && death !== 'power-cut') throw new Error(`no death and scenario of the crash points: ${crash}`);
  return { by: 'points', scenario, death };
}

/**
 * Lets the simulator look for the bug in a copy of the sources, by the seeds or points from 1 on; one under which the program as it is breaks a
 * promise as well tells nothing. Throws where the patch does not fit the sources any more.
 */
export async function tryOut(bug: PlantedBug, within: number): Promise<Found> {
  const copy = mkdtempSync(join(tmpdir(), `flocksync-planted-${bug.name}-`));
  try {
    for (const name of ['src', 'test']) cpSync(join(projectRoot, name), join(copy, name), { recursive: true });
    symlinkSync(join(projectRoot, 'node_modules'), join(copy, 'node_modules'));
    await ended('patch', ['-p1', '--silent', '--forward', '-i', join(folder, `${bug.name}.patch`)], copy);
    const program = await bundled(copy);
    for (let from = 1; from <= within; ) {
      const said = await ended(process.execPath, [program, JSON.stringify({ way: bug.way, from, to: within })], copy);
      const found = JSON.parse(said.trim().split('\n').at(-1) ?? '') as Found;
      if (found.at === null || (await hunt(bug.way, found.at, found.at)).at === null) return found;
      from = Math.max(from, found.at) + 1;
    }
    return { at: null, text: '' };
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** One file, which starts in a fraction of the time; it lies where the program's own files expect each other. */
async function bundled(copy: string): Promise<string> {
  const outfile = join(copy, 'src/adapters/hunt.mjs');
  const contents = `import { hunt } from './test/simulation/hunt.ts';
    const { way, from, to } = JSON.parse(process.argv[2]);
    console.log(JSON.stringify(await hunt(way, from, to)));`;
  const common = { bundle: true, platform: 'node', format: 'esm', packages: 'external', logLevel: 'silent' } as const;
  await build({ ...common, stdin: { contents, resolveDir: copy, loader: 'ts' }, outfile });
  return outfile;
}

function ended(command: string, given: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, given, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.once('error', reject);
    child.once('close', (code) => (code === 0 ? resolve(out) : reject(new Error(`${command} ended with ${code}: ${out}${err}`))));
  });
}

/** For docs/planted-bugs.md. */
export function table(bugs: readonly PlantedBug[]): string {
  const rows = bugs.map(
    ({ name, what, rule, way, within }) => `| ${[`\`${name}\``, what, rule, toldWay(way), `${within} ${way.by}`].join(' | ')} |`,
  );
  return ['| Patch | What the program then does | Breaks | Found by | Within |', '|---|---|---|---|---|', ...rows].join('\n');
}

function toldWay(way: Way): string {
  if (way.by === 'points') return `crash points, ${way.death}: “${way.scenario}”`;
  const more = JSON.stringify(way.emphasis).replace(/["{}]/g, ' ').replaceAll(' :', ':').replace(/ +/g, ' ').trim();
  return more === '' ? 'seeds' : `seeds; ${more.replaceAll(' ,', ',')}`;
}
