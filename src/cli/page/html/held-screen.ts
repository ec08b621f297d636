import { fromText, toText } from '../../../model/path.ts';
import { shellWord } from '../../../model/shell-word.ts';
import { counted, formatCount } from '../../format.ts';
import type { Held } from '../held.ts';
import type { Frame } from './frame.ts';
import { type Html, html, link, named } from './html.ts';
import { shareHref } from './overview.ts';
import { at } from './words.ts';

/** One hold with its paths, what each decision would do, and how to make it. */
export function heldScreen(held: Held, { access, proof, here }: Pick<Frame, 'access' | 'proof' | 'here'>): Html {
  const { share, id, member, paths, first, state } = held;
  const what = counted(paths, held.kind === 'check' ? 'change' : 'deletion');
  const more = paths - first.length;
  return html`<p><a href="${shareHref(share)}">← ${named(share)}</a></p>
<h1>${what} held</h1>
<p>${explanation(held)}</p>
${held.sinceMs === null ? null : html`<p class="quiet">Since ${at(held.sinceMs)}. Hold ${named(id)}.</p>`}
${held.why === '' ? null : html`<p>The check says: <q>${held.why}</q></p>`}
${state === 'open' ? decision(held, access, proof, here) : html`<p class="note good" role="status">${state === 'approved' ? 'Approved' : 'Rejected'}: the next cycle acts on it.</p>`}
${first.length === 0 ? html`<p class="quiet">The paths are known on ${named(member)} alone: <code>flocksync status</code> there lists them.</p>` : html`<h2>Paths</h2><ul class="paths">${first.map((path) => html`<li><a href="${link('path', { share: fromText(share), path })}">${named(toText(path))}</a></li>`)}${more > 0 ? html`<li class="quiet">… and ${formatCount(more)} more</li>` : null}</ul>`}`;
}

function explanation({ kind, member, isHere }: Held): Html {
  if (kind === 'publisher')
    return html`These files are gone on this server, and they are more than <code>maxDelete</code> lets through at once. No other server has deleted them yet.`;
  if (kind === 'receiver')
    return html`Others have deleted these files, and they are more than <code>maxDelete</code> lets through at once. They still stand on this server.`;
  if (kind === 'check')
    return html`The command of <code>check</code> refuses the share as it would be with these changes. Nothing of them has been applied ${isHere ? 'here' : html`on ${named(member)}`}.`;
  return html`They are held by ${named(member)}, and are more than its <code>maxDelete</code> lets through at once.`;
}

function decision(held: Held, access: Frame['access'], proof: string, here: string): Html {
  if (access === 'none')
    return html`<p>This page is read-only. On this server type:</p>${commands(held)}<p class="quiet">With <code>pageToken</code> in the config it can be decided here.</p>`;
  if (access === 'signed-out')
    return html`<p><a class="button" href="sign-in?next=${encodeURIComponent(here)}">Sign in to decide</a></p><p>Or on this server:</p>${commands(held)}`;
  return html`<div class="decide">${form(held, proof, 'approve')}${canReject(held) ? form(held, proof, 'reject') : null}</div>`;
}

/** Why others cannot turn it down: only the one who holds it has the files. */
function canReject({ kind, isHere }: Held): boolean {
  return isHere && kind !== 'check';
}

function commands(held: Held): Html {
  const end = `${shellWord(held.id)} --share ${held.share}`;
  return html`<ul class="commands"><li><code>flocksync approve ${end}</code></li>${canReject(held) ? html`<li><code>flocksync reject ${end}</code></li>` : null}</ul>`;
}

function form({ id, share, paths, kind }: Held, proof: string, verdict: 'approve' | 'reject'): Html {
  const words = verdict === 'approve' ? approveWords(kind, paths) : rejectWords(kind, paths);
  return html`<form method="post" action="decide"><input type="hidden" name="proof" value="${proof}"><input type="hidden" name="share" value="${share}"><input type="hidden" name="id" value="${id}"><button name="verdict" value="${verdict}" class="${verdict}">${words.button}</button><p class="quiet">${words.meaning}</p></form>`;
}

function approveWords(kind: Held['kind'], paths: number) {
  if (kind === 'check')
    return {
      button: `Apply ${counted(paths, 'change')} without the check`,
      meaning: 'The changes are applied although the check refuses them.',
    };
  const all = kind === 'publisher' ? 'on every server' : 'on every server that holds them';
  return {
    button: `Approve: delete ${counted(paths, 'file')}`,
    meaning: `They are deleted ${all}. Each stays in the history and can be restored.`,
  };
}

function rejectWords(kind: Held['kind'], paths: number) {
  const meaning =
    kind === 'publisher'
      ? 'They are put back on this server. Nothing is deleted anywhere.'
      : 'They are published again, so that every server has them.';
  return { button: `Reject: bring ${counted(paths, 'file')} back`, meaning };
}
