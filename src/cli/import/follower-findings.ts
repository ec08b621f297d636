import type { Findings } from './findings.ts';
import { shown } from './lua-value.ts';
import type { Deleting, Sync } from './read-sync.ts';

/** What is told about a target besides what stands in its config. */
export function tellFollower(sync: Sync, findings: Findings): void {
  const { target, deleting, options } = sync;
  if (target.value.gap !== null) findings.add('missing', target.line, 'target', `${target.value.gap}: fill in \`path\` of the subscriber`);
  const [fate, text] = deletions[`${deleting.value}`];
  const what = deleting.line === sync.line ? 'delete (true unless said)' : `delete = ${shown(deleting.value)}`;
  findings.add(fate, deleting.line, what, text);
  if (options.metadataLine !== 0) findings.add('carried', options.metadataLine, 'chmod, chown', '`metadata` on the subscriber');
  if (!options.preserve) findings.add('note', sync.line, 'sync', ownersText);
}

const ownersText =
  'mode, owner and group are carried over (owner and group where flocksync runs as root); lsyncd was not told to (`archive = true`), ' +
  'and left them to the user of the target. `metadata` on the subscriber sets others';

const deletions: Readonly<Record<`${Deleting}`, readonly ['carried' | 'missing', string]>> = {
  true: [
    'carried',
    'deletions are taken over, through the trash (7 days). What is only on a target when it begins goes to its trash once; what is made there ' +
      'later stays and is listed: a restart deletes nothing, where lsyncd would',
  ],
  false: ['carried', '`delete: keep` and `join: merge` on the subscriber: nothing is deleted there, `status` lists what was kept'],
  startup: [
    'missing',
    'the nearest is `delete: keep`: what is only on the target when it begins goes to its trash, deletions since then are kept and listed; a ' +
      'restart deletes nothing. Without the line deletions are taken over as they happen',
  ],
  running: [
    'carried',
    '`join: merge` on the subscriber: what only the target has when it begins stays, deletions since then are taken over',
  ],
};
