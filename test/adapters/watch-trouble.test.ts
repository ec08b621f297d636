import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, fstatSync, mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openWatcher, type StartServer, startThread } from '../../src/adapters/watch.ts';
import { queuedEventsMax } from '../../src/adapters/watch-gauge.ts';
import { type Listen, listenToDirectory } from '../../src/adapters/watch-listen.ts';
import { Pulse } from '../../src/adapters/watch-pulse.ts';
import { serveWatches, type WatchReport } from '../../src/adapters/watch-serve.ts';
import { TreeWatch } from '../../src/adapters/watch-tree.ts';
import { documented } from '../documented.ts';
import { isRoot } from './disk-fixture.ts';
import { temporaryDirectory } from './temporary.ts';
import { builtThread, make, Seen, type Where, watched } from './watch-fixture.ts';

/** A tree by itself, whose clock the test may put forward. */
async function tree(root: string, listen: Listen) {
  const pulse = new Pulse();
  let wake = () => {};
  const watch = new TreeWatch({ root, exclude: [], pulse, reason: 'started', listen, onNews: () => wake() });
  onTestFinished(() => {
    watch.close();
    pulse.close();
  });
  const told = { directories: new Set<string>(), wholes: [] as string[], standing: 0, trouble: null as string | null, fix: '' };
  const next = async (): Promise<void> => {
    if (!watch.hasNews) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    const { directories, whole, standing, trouble } = watch.take();
    for (const directory of directories) told.directories.add(directory);
    if (whole !== null) told.wholes.push(whole);
    Object.assign(told, { standing, trouble: trouble?.text ?? null, fix: trouble?.fix ?? '' });
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await next();
  };
  return { watch, told, until, later: (ms: number) => watch.tick(performance.now() + ms) };
}

/** Refuses as the kernel does, with this error, as long as `refuses` says so. */
function refusing(code: string, refuses: () => boolean): Listen {
  return (fd, hear) => {
    if (refuses()) throw Object.assign(new Error(`${code}: from a test`), { code, errno: -1 });
    return listenToDirectory(fd, hear);
  };
}

/** This thread is the one that reads the queue: nothing is read meanwhile. Equal events would be merged where they follow each other. */
function fillQueue(root: string): void {
  const [one, other] = [join(root, 'a/one'), join(root, 'a/other')];
  make(root, 'a/one', 'a/other');
  for (let at = 0; at <= queuedEventsMax(); at++) utimesSync(at % 2 === 0 ? one : other, at, at);
}

/** As a kernel that has room for so many directories; one that is watched already needs none. */
function withRoom(code: string, room: () => number): Listen {
  const watched = new Map<number, number>();
  return (fd, hear) => {
    const { ino } = fstatSync(fd);
    const before = watched.get(ino) ?? 0;
    if (before === 0 && watched.size >= room()) throw Object.assign(new Error(`${code}: from a test`), { code, errno: -1 });
    const listening = listenToDirectory(fd, hear);
    watched.set(ino, before + 1);
    const close = () => {
      listening.close();
      const left = (watched.get(ino) ?? 0) - 1;
      if (left === 0) watched.delete(ino);
      else watched.set(ino, left);
    };
    return { close };
  };
}

describe('more events than the kernel keeps', () => {
  test('are noticed: everything is to be looked at, and what came into being unseen is watched', async () => {
    const root = temporaryDirectory();
    make(root, 'a/', 'b/', 'goes/deep/');
    const seen = await watched({ root });
    fillQueue(root);
    make(root, 'unseen/deep/');
    renameSync(join(root, 'goes'), join(temporaryDirectory(), 'gone'));
    await seen.whole('overflow');
    await seen.standing(5);
    seen.forget();
    make(root, 'unseen/deep/file');
    await seen.directory('unseen/deep');
  });

  test('directories that were made again with the queue full are watched again', async () => {
    const root = temporaryDirectory();
    make(root, 'a/', 'again/deep/');
    const seen = await watched({ root });
    fillQueue(root);
    rmSync(join(root, 'again'), { recursive: true });
    make(root, 'again/deep/');
    await seen.whole('overflow');
    seen.forget();
    make(root, 'again/deep/file');
    await seen.directory('again/deep');
  });
});

describe('fewer watches than directories', () => {
  test.each([
    ['ENOSPC', 'fs.inotify.max_user_watches=524288'],
    ['EMFILE', 'fs.inotify.max_user_instances=1024'],
    ['ENOMEM', 'more memory'],
  ])('%s is told with what mends it; what is watched stays so, and the rest is tried again', async (code, fix) => {
    const root = temporaryDirectory();
    make(root, ...Array.from({ length: 9 }, (_, at) => `d${at}/sub/`));
    let room = 5;
    const { told, until, later } = await tree(
      root,
      withRoom(code, () => room),
    );
    await until(() => told.wholes.includes('started'));
    expect(told.standing).toBe(5);
    expect(told.trouble).toContain('only 5 of 19 directories are watched');
    expect(told.fix).toContain(fix);
    told.directories.clear();
    make(root, 'new/');
    await until(() => told.directories.has(''));
    later(20_000);
    expect(told.wholes).toEqual(['started']);
    // One directory more is no news.
    expect(told.trouble).toContain('only 5 of 19 directories are watched');
    room = 8;
    later(120_000);
    await until(() => told.wholes.includes('limit'));
    expect(told.trouble).toContain('only 8 of 20 directories are watched');
    room = 1000;
    later(100_000_000);
    await until(() => told.trouble === null);
    expect(told.standing).toBe(20);
    told.directories.clear();
    make(root, ...Array.from({ length: 9 }, (_, at) => `d${at}/sub/file`));
    await until(() => Array.from({ length: 9 }, (_, at) => `d${at}/sub`).every((path) => told.directories.has(path)));
  });
});

describe('a directory that may not be watched', () => {
  test('harms no other, is tried again, and is named once it is watched', async () => {
    const root = temporaryDirectory();
    make(root, 'a/closed/', 'b/');
    let refuses = true;
    let asked = 0;
    const { told, until, later } = await tree(
      root,
      refusing('EACCES', () => refuses && ++asked === 3),
    );
    await until(() => told.wholes.includes('started'));
    expect(told.standing).toBe(3);
    expect(told.trouble).toBeNull();
    refuses = false;
    later(0);
    await until(() => told.standing === 4);
    expect(told.directories.size).toBe(1);
  });

  test.skipIf(isRoot)('without the right to read it, is watched as soon as there is one, with what is below', async () => {
    const root = temporaryDirectory();
    make(root, 'closed/below/', 'open/');
    chmodSync(join(root, 'closed'), 0o000);
    const seen = await watched({ root });
    expect(seen.watch.standing).toBe(2);
    chmodSync(join(root, 'closed'), 0o755);
    await seen.directory('', 'closed', 'closed/below');
    expect(seen.watch.standing).toBe(4);
  });

  test.skipIf(!isRoot)(
    'another file system below the root is none of the share, and what it covered is watched when it is gone',
    async () => {
      const root = temporaryDirectory();
      const mounted = join(root, 'mounted');
      make(root, 'mounted/below/', 'other/');
      execFileSync('mount', ['-t', 'tmpfs', 'none', mounted]);
      onTestFinished(() => void spawnSync('umount', ['-l', mounted]));
      make(root, 'mounted/foreign/');
      const seen = await watched({ root });
      expect(seen.watch.standing).toBe(2);
      execFileSync('umount', [mounted]);
      await seen.directory('mounted', 'mounted/below');
      expect(seen.watch.standing).toBe(4);
    },
  );
});

describe.each<Where>(['in this thread', 'in a thread of its own'])('the root, watched %s', (where) => {
  test('is deleted and made again', async () => {
    const root = join(temporaryDirectory(), 'root');
    make(root, 'a/');
    const seen = await watched({ root, where });
    rmSync(root, { recursive: true });
    await seen.whole('root');
    await seen.standing(0);
    seen.forget();
    make(root, 'b/c/');
    await seen.whole('root');
    await seen.standing(3);
    seen.forget();
    make(root, 'b/c/file');
    await seen.directory('b/c');
  });

  test('is deleted and made again at once, with the same inode number where the file system likes that', async () => {
    const root = join(temporaryDirectory(), 'root');
    make(root, 'a/');
    const seen = await watched({ root, where });
    rmSync(root, { recursive: true });
    make(root, 'b/c/');
    await seen.standing(3);
    seen.forget();
    make(root, 'b/c/file');
    await seen.directory('b/c');
  });

  test('gives way to another directory', async () => {
    const base = temporaryDirectory();
    make(base, 'root/a/', 'next/b/c/');
    const seen = await watched({ root: join(base, 'root'), where });
    renameSync(join(base, 'root'), join(base, 'last'));
    renameSync(join(base, 'next'), join(base, 'root'));
    // It may be seen in the moment between both.
    await seen.standing(3);
    expect(seen.wholes).toContain('root');
    seen.forget();
    make(base, 'last/a/file', 'root/b/file');
    await seen.directory('b');
    await seen.settled();
    expect([...seen.directories].sort()).toEqual(['', 'b']);
  });
});

test('a root that is a link is followed to where it leads now', async () => {
  const base = temporaryDirectory();
  make(base, 'v1/a/', 'v2/b/');
  symlinkSync('v1', join(base, 'current'));
  const seen = await watched({ root: join(base, 'current') });
  unlinkSync(join(base, 'current'));
  symlinkSync('v2', join(base, 'current'));
  await seen.whole('root');
  await seen.standing(2);
  seen.forget();
  make(base, 'v2/b/file');
  await seen.directory('b');
});

test('a root that is not there yet is watched when it comes', async () => {
  const root = join(temporaryDirectory(), 'root');
  const watcher = openWatcher();
  onTestFinished(() => watcher.close());
  const seen = new Seen(root, (onHint) => watcher.watch({ root, exclude: [], onHint }));
  make(root, 'a/');
  await seen.whole('root');
  expect(seen.watch.standing).toBe(2);
});

describe('a thread that ends', () => {
  /** Threads that can be ended from outside, as a crash would. */
  async function killable(): Promise<{ start: StartServer; kill: () => Promise<void>; started: () => number }> {
    const inner = startThread(await builtThread());
    const ends: (() => Promise<void>)[] = [];
    const start: StartServer = (heard, ended) => {
      const server = inner(heard, () => {});
      ends.push(async () => {
        await server.end();
        ended('killed by a test');
      });
      return server;
    };
    return { start, kill: async () => await ends.at(-1)?.(), started: () => ends.length };
  }

  test('is told, and another one takes over', async () => {
    const { start, kill, started } = await killable();
    const seen = await watched({ start });
    make(seen.root, 'a/');
    await seen.standing(2);
    await kill();
    await seen.whole('died');
    expect(seen.watch.trouble()).toEqual(
      expect.objectContaining({ code: 'watch-died', text: expect.stringContaining('killed by a test') }),
    );
    expect(seen.watch.trouble()?.text).toMatch(documented('watch-died'));
    make(seen.root, 'a/while-nobody-watched/');
    seen.forget();
    await seen.whole('died');
    expect([started(), seen.watch.standing, seen.watch.trouble()]).toEqual([2, 3, null]);
    seen.forget();
    make(seen.root, 'a/while-nobody-watched/file');
    await seen.directory('a/while-nobody-watched');
  });

  test('is noticed when it ends by itself', async () => {
    const file = join(temporaryDirectory(), 'thread.mjs');
    writeFileSync(
      file,
      "import { parentPort } from 'node:worker_threads'; parentPort.once('message', () => { throw new Error('out of order'); });",
    );
    const watcher = openWatcher(startThread(file));
    onTestFinished(() => watcher.close());
    const root = temporaryDirectory();
    const seen = new Seen(root, (onHint) => watcher.watch({ root, exclude: [], onHint }));
    await seen.whole('died');
    expect(seen.watch.trouble()?.text).toContain('out of order');
    expect(seen.watch.standing).toBe(0);
  });
});

describe('what has gathered', () => {
  test('waits until the last report was read', async () => {
    const root = temporaryDirectory();
    const reports: WatchReport[] = [];
    const request = serveWatches((report) => reports.push(report));
    onTestFinished(() => request({ ask: 'unwatch', id: 7 }));
    request({ ask: 'watch', id: 7, root, exclude: [], reason: 'started' });
    const seen = await watched({ root });
    for (const name of ['a', 'b', 'c']) {
      make(root, `${name}/`);
      await seen.directory(name);
      await seen.settled();
    }
    expect(reports.map(({ id, whole }) => [id, whole])).toEqual([[7, 'started']]);
    request({ ask: 'more', id: 7 });
    await seen.until(() => reports.length === 2);
    expect(reports[1]?.directories).toEqual(expect.arrayContaining(['', 'a', 'b', 'c']));
  });

  test('is told once, however much gathers until then', async () => {
    const root = temporaryDirectory();
    const watcher = openWatcher();
    onTestFinished(() => watcher.close());
    let calls = 0;
    const counted = watcher.watch({ root, exclude: [], onHint: () => calls++ });
    const seen = await watched({ root });
    for (let at = 0; at < 20; at++) {
      mkdirSync(join(root, `d${at}`));
      await seen.directory(`d${at}`);
    }
    await seen.settled();
    expect(calls).toBe(1);
    expect(counted.pending).toBe(true);
  });
});
