// Keeps the screen fresh while somebody looks at it. Without this script the page works too, and is loaded again by the browser.
const pauseMs = 3000;
const troublePauseMs = 10_000;
const freshness = document.getElementById('freshness');

/** What a person is doing must not be taken from under the hands. */
function isInUse(main) {
  const active = document.activeElement;
  const isTyping = active !== null && main.contains(active) && active.matches('input, select, textarea');
  const hasTyped = [...main.querySelectorAll('input:not([type="hidden"])')].some((field) => field.value !== field.defaultValue);
  return document.hidden || isTyping || hasTyped || !(document.getSelection()?.isCollapsed ?? true);
}

/** Elements have no names of their own: the same kind at the same place with the same words is the same one. */
function signOf(element, main) {
  const words = element.getAttribute('href') ?? element.textContent;
  const alike = [...main.querySelectorAll(element.tagName)].filter((one) => (one.getAttribute('href') ?? one.textContent) === words);
  return { tag: element.tagName, words, index: alike.indexOf(element) };
}

function put(main, fresh) {
  const active = document.activeElement;
  const sign = active !== null && active !== main && main.contains(active) ? signOf(active, main) : null;
  // What stands there already says the same, so that nothing is read aloud again for nothing.
  const notes = main.querySelector('.notes');
  const nextNotes = fresh.querySelector('.notes');
  if (notes !== null && nextNotes !== null) nextNotes.replaceWith(notes);
  main.replaceChildren(...fresh.childNodes);
  if (sign === null) return;
  const alike = [...main.querySelectorAll(sign.tag)].filter((one) => (one.getAttribute('href') ?? one.textContent) === sign.words);
  alike[Math.max(0, sign.index)]?.focus({ preventScroll: true });
}

async function look(main) {
  const answer = await fetch(window.location.href, { headers: { 'X-Live': '1' }, cache: 'no-store' });
  // The session is over: the browser is led to where a new one begins.
  if (answer.redirected) window.location.reload();
  if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
  const text = await answer.text();
  const fresh = new DOMParser().parseFromString(text, 'text/html').querySelector('main');
  if (fresh !== null && !isInUse(main)) put(main, fresh);
}

let lastMs = Date.now();
let timer = 0;

async function turn(main) {
  let wait = pauseMs;
  try {
    if (!isInUse(main)) {
      await look(main);
      lastMs = Date.now();
    }
    freshness.textContent = '';
  } catch {
    wait = troublePauseMs;
    const seconds = Math.round((Date.now() - lastMs) / 1000);
    freshness.textContent = `No answer from flocksync for ${seconds} s; what stands here is that old.`;
  }
  timer = window.setTimeout(() => void turn(main), wait);
}

const main = document.querySelector('main[data-live]');
if (main !== null) {
  timer = window.setTimeout(() => void turn(main), pauseMs);
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) return;
    window.clearTimeout(timer);
    void turn(main);
  });
}
