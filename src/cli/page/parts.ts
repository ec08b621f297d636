import type { Metrics } from '../../adapters/metrics.ts';
import type { PageFiles } from '../../adapters/page-files.ts';
import type { PageRequest } from '../../adapters/page-server.ts';
import type { World } from '../../compose.ts';
import type { PageConfig } from '../../config-types.ts';
import type { Follower } from '../run-share.ts';
import type { Access } from './access.ts';
import type { Decisions } from './decisions.ts';
import type { Frame } from './html/frame.ts';
import type { Html } from './html/html.ts';
import type { Looks } from './looks.ts';
import type { Sessions } from './sessions.ts';

/** What the page is made of. */
export interface Parts {
  readonly world: World;
  readonly config: PageConfig;
  readonly sessions: Sessions;
  readonly looks: Looks;
  readonly decisions: Decisions;
  readonly metrics: Metrics;
  readonly files: PageFiles;
  followers(): readonly Follower[];
}

/** A request with what it asks for. */
export interface Asked {
  readonly request: PageRequest;
  readonly access: Access;
  /** Values are byte strings. */
  readonly query: ReadonlyMap<string, string>;
}

/** What stands in the middle of the page. */
export interface Screen {
  readonly status: number;
  readonly title: string;
  readonly main: Html;
  /** It changes by itself. */
  readonly isLive: boolean;
}

/** A look of the script that keeps a screen fresh, which is nobody's reading. */
export function isByScript(request: PageRequest): boolean {
  return request.header('x-live') !== undefined;
}

/** What comes back is where this page was: relative, so that it holds behind a web server too. */
export function here({ path, query }: PageRequest): string {
  return `${path.replace(/^\/+/, '')}${query === '' ? '' : `?${query}`}` || '.';
}

export function frameOf({ world, sessions, files }: Parts, { request, access: { session } }: Asked): Frame {
  const { federation, member } = world.config;
  const access = session !== null ? 'signed-in' : sessions.hasToken ? 'signed-out' : 'none';
  const notes = isByScript(request) ? [] : (session?.notes.splice(0) ?? []);
  return {
    federation,
    member,
    version: world.version,
    stamp: files.stamp,
    access,
    proof: session?.proof ?? '',
    here: here(request),
    notes,
  };
}
