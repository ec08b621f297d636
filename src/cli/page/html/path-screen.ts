import { fromText, toText } from '../../../model/path.ts';
import { pathWord } from '../../../model/shell-word.ts';
import { counted, formatBytes, formatCount, formatElapsed } from '../../format.ts';
import { versionName } from '../../history.ts';
import type { Logged } from '../../log.ts';
import type { Trace } from '../trace.ts';
import { changeList } from './changes.ts';
import { type Html, html, named } from './html.ts';
import { shareHref } from './overview.ts';
import { pathForm } from './path-form.ts';
import { at, badge, type Tone, table } from './words.ts';

/** Where a path stands: on this disk, in the log, at every member; and what became of it. */
export function pathScreen(trace: Trace, below: readonly Logged[], nowMs: number): Html {
  const { share, path } = trace;
  return html`<p><a href="${shareHref(share)}">← ${named(share)}</a></p>
<h1>${named(toText(path) || '.')}</h1>
${verdict(trace)}
${trace.members.length === 0 ? null : memberTable(trace)}
${trace.versions.length === 0 ? null : versionTable(trace)}
${below.length === 0 ? null : html`<section aria-labelledby="below"><h2 id="below">Latest changes at and below it</h2>${changeList(below, false, nowMs)}</section>`}
<section aria-labelledby="another"><h2 id="another">Another path</h2>${pathForm([share], share, '')}</section>`;
}

function verdict(trace: Trace): Html {
  const { tone, word, text } = verdictOf(trace);
  return html`<p class="verdict ${tone}" role="status"><strong>${word}</strong> <span>${text}</span></p>`;
}

/** Has it reached every server? */
export function verdictOf({ here, newest, members, why, isAsked }: Trace): { tone: Tone; word: string; text: string } {
  if (here === 'unpublished')
    return { tone: 'busy', word: 'Not published yet', text: `What stands on this disk is not in the log: ${why}.` };
  if (here === 'excluded') return { tone: 'warn', word: 'Excluded', text: `${why}, so it is neither published nor taken over.` };
  if (here === 'unreadable') return { tone: 'warn', word: 'Not readable', text: `${why}.` };
  if (newest === null)
    return { tone: 'warn', word: 'Not known', text: 'Nothing of that name is in the log, and nothing stands there on this disk.' };
  const what = `${newest.op === 'delete' ? 'Deleted' : 'Written'} by ${newest.author} in record ${newest.version}`;
  if (!isAsked) return { tone: 'busy', word: 'Asking', text: `${what}. The other members have not been asked yet.` };
  const lagging = members.filter(({ state }) => state === 'lagging');
  const silent = members.filter(({ state }) => state === 'silent');
  const has = members.filter(({ state }) => state === 'has').length;
  if (lagging.length > 0)
    return {
      tone: 'busy',
      word: 'Not everywhere yet',
      text: `${what}; ${counted(has, 'server')} ${has === 1 ? 'has' : 'have'} it, ${formatCount(lagging.length)} not yet.`,
    };
  if (silent.length > 0)
    return {
      tone: 'warn',
      word: 'Everywhere but on silent servers',
      text: `${what}; ${counted(has, 'server')} ${has === 1 ? 'has' : 'have'} it, ${formatCount(silent.length)} not heard of for three minutes.`,
    };
  return {
    tone: 'good',
    word: 'Yes, everywhere',
    text: `${what}; ${has === 1 ? 'the one server has it' : `all ${formatCount(has)} servers have it`}.`,
  };
}

const memberColumns = [
  { title: 'Member' },
  { title: 'Has it' },
  { title: 'Stands at', isFigure: true },
  { title: 'Why' },
  { title: 'Heard of', isFigure: true },
];

function memberTable({ members }: Trace): Html {
  const rows = members.map(({ name, isSelf, state, appliedTo, why, agoMs }) => {
    const shown = { has: badge('good', 'yes'), lagging: badge('busy', 'not yet'), silent: badge('warn', 'silent') }[state];
    return [
      html`${named(name)}${isSelf ? html` <span class="quiet">(this server)</span>` : null}`,
      shown,
      formatCount(appliedTo),
      why === '' ? '–' : why,
      isSelf ? 'now' : `${formatElapsed(agoMs)} ago`,
    ];
  });
  return html`<section aria-labelledby="servers"><h2 id="servers">Servers</h2>${table('Which servers have this version', memberColumns, rows)}</section>`;
}

const versionColumns = [
  { title: 'Version' },
  { title: 'When' },
  { title: 'Who' },
  { title: 'What' },
  { title: 'Size', isFigure: true },
  { title: 'Note' },
];

function versionTable({ versions, more, share, path }: Trace): Html {
  const rows = versions.map((row) => {
    const { entry, op, against } = row;
    const note = op === 'kept' ? `lost to ${against}` : against > 0 ? `won against ${against}` : '–';
    return [
      String(versionName(row)),
      at(row.atMs),
      named(row.author),
      entry?.kind ?? 'deleted',
      entry?.kind === 'file' ? formatBytes(entry.size) : '–',
      note,
    ];
  });
  return html`<section aria-labelledby="versions"><h2 id="versions">History</h2>${table('Versions, the newest first', versionColumns, rows)}${
    more ? html`<p class="quiet">… and older ones: <code>flocksync history ${pathWord(toText(path))} --share ${share}</code></p>` : null
  }<p class="quiet">A version comes back by <code>flocksync restore ${pathWord(`${toText(path)}@VERSION`)} --share ${share}</code>.</p></section>`;
}

/** Where the path could not even be looked for. */
export function noPath(shares: readonly string[], share: string, typed: string, why: string): Html {
  return html`<h1>Has my change reached every server?</h1>${why === '' ? null : html`<p class="note bad" role="alert">${why}</p>`}${pathForm(shares, share, toText(fromText(typed)))}`;
}
