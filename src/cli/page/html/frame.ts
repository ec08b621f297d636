import { flag, type Html, html } from './html.ts';

/** What stands around every screen. */
export interface Frame {
  readonly federation: string;
  readonly member: string;
  readonly version: string;
  /** Of stylesheet, script and icon. */
  readonly stamp: string;
  /** `none`: no token is configured, so nobody can decide anything here. */
  readonly access: 'none' | 'signed-out' | 'signed-in';
  /** Proves that a form of this session was sent; '' without one. */
  readonly proof: string;
  /** Where to come back to after signing in, relative. */
  readonly here: string;
  /** What the last decision came to. */
  readonly notes: readonly { readonly isBad: boolean; readonly text: string }[];
}

/** Seconds between two looks of a browser without scripts. */
const reloadSeconds = 20;

export function screen(frame: Frame, title: string, main: Html, isLive = true): string {
  const reload = isLive ? html`<noscript><meta http-equiv="refresh" content="${reloadSeconds}"></noscript>` : html``;
  const notes = frame.notes.map(
    ({ isBad, text }) => html`<p class="note ${isBad ? 'bad' : 'good'}" role="${isBad ? 'alert' : 'status'}">${text}</p>`,
  );
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${reload}
<title>${title} · ${frame.federation} · flocksync</title>
<link rel="icon" href="icon.svg?${frame.stamp}" type="image/svg+xml">
<link rel="stylesheet" href="page.css?${frame.stamp}">
<script src="live.js?${frame.stamp}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header>
<div class="bar">
<a class="brand" href="." aria-label="flocksync, overview"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M3 16c4-1 6-4 9-9 3 5 5 8 9 9-4 0-6-1-9-4-3 3-5 4-9 4Z"/></svg>flocksync</a>
<p class="where"><bdi>${frame.federation}</bdi> <span>on</span> <bdi>${frame.member}</bdi></p>
<nav aria-label="Pages"><a href=".">Overview</a> <a href="changes">Changes</a> <a href="conflicts">Conflicts</a></nav>
<div class="access">${access(frame)}</div>
</div>
</header>
<main id="main" tabindex="-1"${flag('data-live', isLive)}>
<div class="notes">${notes}</div>
${main}
</main>
<footer><p>flocksync ${frame.version}. <span id="freshness" role="status"></span></p></footer>
</body>
</html>
`;
  return page.html;
}

function access({ access: state, proof, here }: Frame): Html {
  if (state === 'none')
    return html`<span class="quiet" title="Without pageToken in the config nothing can be decided here">Read-only</span>`;
  if (state === 'signed-out') return html`<a href="sign-in?next=${encodeURIComponent(here)}">Sign in</a>`;
  return html`<form method="post" action="sign-out"><input type="hidden" name="proof" value="${proof}"><button class="plain">Sign out</button></form>`;
}
