import { expect, test } from 'vitest';
import { needsPlace } from '../../src/model/preview-place.ts';

test.each([
  ['nginx -t', true],
  ['nginx -t -c /etc/nginx/nginx.conf', true],
  ['nginx -t -c "$FLOCKSYNC_ROOT/nginx.conf"', true],
  ['nginx -t -c $FLOCKSYNC_STAGED/nginx.conf', false],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own form
  ['cd "${FLOCKSYNC_STAGED}" && php -l index.php', false],
  ['test $FLOCKSYNC_IN_PLACE = 1 && apachectl configtest', false],
  ['MY_FLOCKSYNC_STAGEDX=1 nginx -t', true],
])('%s: %s', (command, needed) => expect(needsPlace(command)).toBe(needed));
