/** Where a sync brings its source. */
export interface Target {
  /** The server, without the user; null is this one. */
  readonly host: string | null;
  readonly user: string | null;
  /** Absolute, or null where the config does not tell. */
  readonly path: string | null;
  /** Why it does not. */
  readonly gap: string | null;
}

const own = new Set(['localhost', '127.0.0.1', '::1', '[::1]']);

/** `target` of default.rsync and default.direct: `/path`, `user@host:path`, `host::module/path`, `rsync://host/module/path`. */
export function parseTarget(text: string): Target {
  const daemon = /^rsync:\/\/(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+)(?::\d+)?\/(.*)$/s.exec(text);
  if (daemon !== null) return onServer(daemon[2] ?? '', daemon[1], null, moduleGap(daemon[3] ?? ''));
  if (text.startsWith('/')) return { host: null, user: null, path: plain(text), gap: null };
  const remote = /^(?:([^@/]+)@)?(\[[^\]]+\]|[^:/]+):(:?)(.*)$/s.exec(text);
  if (remote === null) return { host: null, user: null, path: null, gap: `the target ${JSON.stringify(text)} is no absolute path` };
  const [, user, host = '', module, path = ''] = remote;
  return module === ':' ? onServer(host, user, null, moduleGap(path)) : onServer(host, user, path, null);
}

/** `host` and `targetdir` of default.rsyncssh. */
export function onHost(host: string, directory: string): Target {
  const [, user, name = ''] = /^(?:([^@]+)@)?(.*)$/s.exec(host) ?? [];
  return onServer(name, user, directory, null);
}

function onServer(host: string, user: string | undefined, path: string | null, gap: string | null): Target {
  const absolute = path?.startsWith('/') ? plain(path) : null;
  const why = gap ?? `the directory ${JSON.stringify(path ?? '')} counts from the home directory of a user there`;
  return { host: own.has(host) ? null : host, user: user ?? null, path: absolute, gap: absolute === null ? why : null };
}

function moduleGap(module: string): string {
  return `what the module ${JSON.stringify(module.split('/')[0] ?? '')} of the rsync daemon is there, its rsyncd.conf says (\`path\`)`;
}

/** Without repeated slashes, `.` and a slash at the end. */
export function plain(path: string): string {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  return `/${names.join('/')}`;
}

/** Whether `inner` lies below `outer`; both plain. */
export function liesIn(inner: string, outer: string): boolean {
  return inner.startsWith(outer === '/' ? '/' : `${outer}/`) && inner !== outer;
}
