import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../source.ts';

const style = readFileSync(join(projectRoot, 'src/adapters/page/page.css'), 'utf8');

/** The colours of the light screen, and of the dark one. */
const schemes = [...style.matchAll(/:root \{([^}]*)\}/g)].map(
  ([, block = '']) => new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map((match) => [match[1] ?? '', match[2] ?? ''])),
);

/** WCAG 2.2, relative luminance. */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return (light + 0.05) / (dark + 0.05);
}

const tones = ['good', 'busy', 'warn', 'bad'];
const pairs = [
  ...['ink', 'quiet', 'accent'].flatMap((text) => ['ground', 'surface'].map((under) => [text, under])),
  ...['bad', 'good', 'busy'].map((text) => [text, 'surface']),
  ...tones.flatMap((tone) => [
    [tone, `${tone}-ground`],
    ['ink', `${tone}-ground`],
  ]),
  ['accent-ink', 'accent'],
  ['surface', 'bad'],
];

describe.each([
  ['light', 0],
  ['dark', 1],
])('on the %s screen', (_, index) => {
  test.each(pairs)('%s can be read on %s', (text = '', under = '') => {
    const scheme = schemes[index];
    expect(contrast(scheme?.get(text) ?? '', scheme?.get(under) ?? '')).toBeGreaterThanOrEqual(4.5);
  });
});

test('black on white is the measure', () => expect(contrast('#000000', '#ffffff')).toBeCloseTo(21));
