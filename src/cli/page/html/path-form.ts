import { flag, type Html, html } from './html.ts';

/** Asks for a path. `typed` is text, as it was typed or as it is shown. */
export function pathForm(shares: readonly string[], share: string, typed: string): Html {
  const options = shares.map((name) => html`<option value="${name}"${flag('selected', name === share)}>${name}</option>`);
  const choice =
    shares.length < 2
      ? html`<input type="hidden" name="share" value="${shares[0] ?? ''}">`
      : html`<label>Share <select name="share">${options}</select></label>`;
  return html`<form class="row" action="path" role="search">${choice}<label class="wide">Path <input name="path" value="${typed}" required placeholder="wp-content/uploads/2026/logo.png" autocomplete="off" autocapitalize="none" spellcheck="false"></label><button>Look it up</button></form>`;
}
