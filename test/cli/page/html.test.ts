import fc from 'fast-check';
import { expect, test } from 'vitest';
import { escaped, Html, html, link, named } from '../../../src/cli/page/html/html.ts';
import { parseQuery } from '../../../src/cli/page/query.ts';

test.each([
  ['<script>alert(1)</script>', '&lt;script&gt;alert(1)&lt;/script&gt;'],
  [`" onclick='x' &amp;`, '&quot; onclick=&#39;x&#39; &amp;amp;'],
  ['a\nb\tc\u0000', 'a\\nb\\tc\\x00'],
  ['gpj.\u202etxt', 'gpj.\\u202etxt'],
  ['\u2066x\u2069\u200f\u200e\u061c', '\\u2066x\\u2069\\u200f\\u200e\\u061c'],
  ['\u2028\u2029\ufeff\u200b', '\\u2028\\u2029\\ufeff\\u200b'],
  ['Ünïcödé 日本 👩‍👩‍👧', 'Ünïcödé 日本 👩‍👩‍👧'],
  ['\ud800', '\ufffd'],
])('%j is shown as %j', (text, markup) => expect(escaped(text)).toBe(markup));

test('whatever text there is, it stays text: no element, no attribute, no entity, no control character', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const markup = escaped(text);
      expect(markup).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that none is left is what is proved
      expect(markup).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});

test('a template escapes its values, takes markup as it is, and lists one after the other', () => {
  const items = ['<a>', '<b>'].map((text) => html`<li>${text}</li>`);
  expect(html`<ul title="${'"'}">${items}${null}${3}</ul>`).toEqual(
    new Html('<ul title="&quot;"><li>&lt;a&gt;</li><li>&lt;b&gt;</li>3</ul>'),
  );
  expect(named('<i>').html).toBe('<bdi class="name">&lt;i&gt;</bdi>');
  // What looks like markup without having come from a template is none: a document of somebody else may have such a field.
  expect(html`${JSON.parse('{ "html": "<i>" }')}`.html).not.toContain('<i>');
});

test('a link carries any bytes there and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (array) => {
      const bytes = Buffer.from(array).toString('latin1');
      const [page, query = ''] = link('path', { share: 'web', path: bytes }).split('?');
      expect(page).toBe('path');
      expect(query).toMatch(/^[\x21-\x7e]*$/);
      expect(query).not.toMatch(/["'<>]/);
      expect(Object.fromEntries(parseQuery(query))).toEqual({ share: 'web', path: bytes });
    }),
  );
});

test('a query as browsers send it: blanks, UTF-8, nothing after the name, the first of two', () => {
  const found = parseQuery('path=caf%C3%A9+au%20lait&flag&path=other&=x&broken=%zz%4');
  expect([...found]).toEqual([
    ['path', 'cafÃ© au lait'],
    ['flag', ''],
    ['broken', '%zz%4'],
  ]);
  expect(parseQuery(Array.from({ length: 500 }, (_, n) => `k${n}=1`).join('&')).size).toBe(50);
});
