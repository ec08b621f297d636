import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ended, type Ran } from './federation.ts';

/** A Debian 12 with nothing but what every Debian has, in a directory; nothing of it is seen outside. */
export interface CleanRoot {
  readonly directory: string;
  /** Path of a place in it, as it is called outside. */
  path(place: string): string;
  write(place: string, text: string, mode?: number): void;
  /** Runs a command in it as root, with its own mounts, processes and a plain environment. */
  run(...command: readonly string[]): Promise<Ran>;
  close(): void;
}

const bytesMin = 1_500_000_000;

/** Root, mounts of its own, debootstrap and a mirror. */
export function canMakeCleanRoot(): boolean {
  if (process.getuid?.() !== 0 || mirror() === null) return false;
  const tried = spawnSync('unshare', ['--mount', '--pid', '--fork', 'sh', '-c', 'mount --make-rprivate / && mount -t proc proc /proc']);
  return tried.status === 0 && spawnSync('sh', ['-c', 'command -v debootstrap']).status === 0;
}

/** The first archive of Debian that apt on this machine knows. */
function mirror(): string | null {
  const { stdout } = spawnSync('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'], { encoding: 'utf8' });
  return stdout?.split('\n').find((uri) => /^https?:\/\/.*\/debian\/?$/.test(uri)) ?? null;
}

/** Where it costs no flush, if there is room. */
function place(): string {
  try {
    const { bavail, bsize } = statfsSync('/dev/shm');
    return bavail * bsize > bytesMin ? '/dev/shm' : tmpdir();
  } catch {
    return tmpdir();
  }
}

const variables = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8'];
/** `$1` is the root, the rest the command. */
const enter =
  'root=$1; shift; mount --make-rprivate / && mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/run" && exec chroot "$root" "$@"';

/** Takes half a minute and 200 MB. Throws when the mirror does not deliver. */
export async function makeCleanRoot(): Promise<CleanRoot> {
  const directory = mkdtempSync(join(place(), 'flocksync-root-'));
  const { code, stdout } = await ended(
    spawn('debootstrap', ['--variant=minbase', 'bookworm', directory, mirror() ?? ''], { stdio: ['ignore', 'pipe', 'pipe'] }),
  );
  if (code !== 0) {
    rmSync(directory, { recursive: true, force: true });
    throw new Error(`debootstrap ended with ${code}: ${stdout.slice(-500)}`);
  }
  const path = (inside: string) => join(directory, inside);
  return {
    directory,
    path,
    write: (inside, text, mode = 0o644) => {
      mkdirSync(dirname(path(inside)), { recursive: true });
      writeFileSync(path(inside), text, { mode });
    },
    run: (...command) => {
      const inside = ['sh', '-c', enter, 'sh', directory, 'env', '-i', ...variables, 'DEBIAN_FRONTEND=noninteractive', ...command];
      return ended(spawn('unshare', ['--mount', '--pid', '--fork', '--kill-child', ...inside], { stdio: ['ignore', 'pipe', 'pipe'] }));
    },
    close: () => rmSync(directory, { recursive: true, force: true }),
  };
}
