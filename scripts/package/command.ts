import { spawnSync } from 'node:child_process';

/** Ends the build: one sentence for whoever builds, with the fix. */
export class PackageFault extends Error {
  override readonly name = 'PackageFault';
}

interface Surroundings {
  readonly cwd?: string;
  readonly variables?: Readonly<Record<string, string>>;
}

const outputBytesMax = 64 * 1024 * 1024;

/** What a program prints. Throws a PackageFault when it is missing or fails. */
export function outputOf(program: string, args: readonly string[], { cwd, variables = {} }: Surroundings = {}): string {
  const ran = spawnSync(program, args, { cwd, env: { ...process.env, ...variables }, encoding: 'utf8', maxBuffer: outputBytesMax });
  if (ran.error !== undefined) throw new PackageFault(`${program} cannot be run: ${ran.error.message}${hint(program)}`);
  if (ran.status !== 0) throw new PackageFault(`${program} ${args.join(' ')} failed with ${ran.status}:\n${ran.stderr}${ran.stdout}`);
  return ran.stdout;
}

/** Debian's packages that bring what is needed. */
const bringers: Readonly<Record<string, string>> = {
  'dpkg-shlibdeps': 'dpkg-dev',
  'dpkg-deb': 'dpkg',
  strip: 'binutils',
  objdump: 'binutils',
};

function hint(program: string): string {
  const bringer = bringers[program];
  return bringer === undefined ? '' : `: apt-get install ${bringer}`;
}
