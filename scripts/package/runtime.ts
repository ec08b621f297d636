import { realpathSync } from 'node:fs';
import { outputOf, PackageFault } from './command.ts';

/** What Debian 12 has everywhere. */
const libraries = /^(libc|libm|libdl|libpthread|librt|libstdc\+\+|libgcc_s|ld-linux[\w-]*)\.so\.\d+$/;
const glibcMax = [2, 36] as const;

/**
 * The Node that is running: the tests ran with it, and the native module was built for it. Throws a PackageFault where it is no program of
 * its own, or asks for a newer system than Debian 12.
 */
export function runningNode(): string {
  const binary = realpathSync(process.execPath);
  refuseForeign('Node', binary);
  return binary;
}

export function refuseForeign(what: string, binary: string): void {
  const symbols = outputOf('objdump', ['-p', binary]);
  const needed = [...symbols.matchAll(/^\s+NEEDED\s+(\S+)$/gm)].map((match) => match[1] ?? '');
  const foreign = needed.filter((name) => !libraries.test(name));
  if (foreign.length > 0)
    throw new PackageFault(
      `${what} (${binary}) needs ${foreign.join(', ')} beside it: use a Node that is one file, such as that of nodejs.org or NodeSource`,
    );
  const newer = [...symbols.matchAll(/\bGLIBC_(\d+)\.(\d+)/g)].filter(([, major, minor]) => isNewer(Number(major), Number(minor)));
  if (newer.length > 0)
    throw new PackageFault(`${what} (${binary}) asks for ${newer[0]?.[0]}, and Debian 12 has ${glibcMax.join('.')}: build it on Debian 12`);
}

function isNewer(major: number, minor: number): boolean {
  return major > glibcMax[0] || (major === glibcMax[0] && minor > glibcMax[1]);
}
