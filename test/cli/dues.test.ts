import { expect, test } from 'vitest';
import { Dues } from '../../src/cli/dues.ts';
import { loadText, withShare } from '../config-text.ts';

function lightweight(): Dues {
  const loaded = loadText(withShare('mode: lightweight'));
  const share = loaded.ok ? loaded.config.shares[0] : undefined;
  if (share === undefined) throw new Error('no share');
  return new Dues(share, () => false);
}

test('while another process has its turn, a wanted look is tried again after a pause, and not forgotten', () => {
  const dues = lightweight();
  dues.lookBegins();
  dues.wantLook();
  expect(dues.now()).toContain('look');
  dues.lookDeferred();
  expect(dues.now()).not.toContain('look');
  const next = dues.prospects.nextLookMs;
  expect(next).toBeGreaterThan(50);
  expect(next).toBeLessThanOrEqual(1000);
});
