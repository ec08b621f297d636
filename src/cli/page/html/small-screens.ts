import { fromText, toText } from '../../../model/path.ts';
import { pathWord } from '../../../model/shell-word.ts';
import type { Conflict } from '../../conflicts.ts';
import { counted } from '../../format.ts';
import { shareNav } from './changes.ts';
import { type Html, html, link, named } from './html.ts';
import { at } from './words.ts';

export function conflictScreen(share: string, shares: readonly string[], conflicts: readonly Conflict[], isMore: boolean): Html {
  const list = html`<ul class="changes">${conflicts.map(conflictItem)}</ul>`;
  return html`<h1>Conflicts of ${named(share)}</h1>${shareNav('conflicts', shares, share)}
<p class="quiet">Two members changed the same file before they knew of each other. One version won, the other one is kept: nothing is lost.</p>
${conflicts.length === 0 ? html`<p>There was none.</p>` : list}
${isMore ? html`<p class="quiet">Only the newest ${counted(conflicts.length, 'conflict')}; all of them: <code>flocksync conflicts ${share}</code></p>` : null}`;
}

function conflictItem({ share, path, atMs, winner, wonBy, loser, lostBy, keptIn }: Conflict): Html {
  const where =
    keptIn === 'history' ? html`is version <strong>${String(loser)}</strong>` : html`waits in the trash of the share to be published`;
  const again =
    keptIn === 'history'
      ? html` <span class="quiet">It comes back by <code>flocksync restore ${pathWord(`${toText(path)}@${loser}`)} --share ${share}</code>.</span>`
      : null;
  return html`<li><p><a href="${link('path', { share: fromText(share), path })}">${named(toText(path))}</a> <span class="quiet">${at(atMs)}</span></p><p>Version <strong>${String(winner)}</strong> by ${named(wonBy ?? '?')} won; what ${named(lostBy ?? '?')} had ${where}.${again}</p></li>`;
}

export function signInScreen(next: string, fault: string): Html {
  return html`<h1>Sign in</h1>${fault === '' ? null : html`<p class="note bad" role="alert">${fault}</p>`}
<form method="post" action="sign-in" class="stack"><input type="hidden" name="next" value="${next}">
<label>Token <input type="password" name="token" required autocomplete="current-password" autofocus></label>
<p class="quiet">The one that <code>pageToken</code> in the config of this server names.</p><button>Sign in</button></form>`;
}

export function messageScreen(title: string, text: string): Html {
  return html`<h1>${title}</h1><p>${text}</p><p><a class="button" href=".">Overview</a></p>`;
}
