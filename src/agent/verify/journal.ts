import { addDigest, type Digest, digestOf, digestToHex, emptyDigest } from '../../model/digest.ts';
import { type BytePath, parentOf } from '../../model/path.ts';
import { flaw, pathFlaw } from '../../model/verify.ts';
import { readMembers } from '../members.ts';
import type { Survey } from './survey.ts';

const pageRows = 2000;
/** Entries that stand below no directory are told one by one up to here. */
const misplacedTold = 20;

const rebuild =
  'Stop flocksync on this member, move the journal of the share aside in the state directory, and run flocksync sync: it is rebuilt from the bucket.';

/** The digest of the fold and of the versions must be the one that the journal carries along; every entry stands in a directory. */
export async function examineJournal(survey: Survey): Promise<void> {
  const { journal } = survey.cycle.ports;
  const stored = journal.meta('digest') ?? digestToHex(emptyDigest);
  const { digest, misplaced } = await digestFold(survey);
  for (const path of misplaced.slice(0, misplacedTold))
    survey.flaws.push(pathFlaw('tree-broken', path, 'stands in the log below what is no directory', rebuild));
  if (digest !== stored)
    survey.flaws.push(flaw('digest-wrong', 'journal', "the digest of the journal's entries is not the one that it carries along", rebuild));
  if ((await digestVersions(survey)) !== digest)
    survey.flaws.push(flaw('versions-differ', 'journal', "the journal's entries are not those that its versions tell", rebuild));
}

async function digestFold({ cycle, counts }: Survey): Promise<{ digest: string; misplaced: BytePath[] }> {
  const { journal, onProgress, time } = cycle.ports;
  const filesTotal = journal.foldedCount();
  const directories = new Set<BytePath>(['']);
  const misplaced: BytePath[] = [];
  let digest: Digest = emptyDigest;
  // Containing directories come first in this order.
  for (const { path, entry } of journal.foldedAll()) {
    digest = addDigest(digest, digestOf(path, entry));
    if (entry.kind === 'dir') directories.add(path);
    if (!directories.has(parentOf(path))) misplaced.push(path);
    if (++counts.entries % pageRows !== 0) continue;
    onProgress({ phase: 'checking the journal', filesDone: counts.entries, filesTotal });
    await time.sleep(0);
  }
  return { digest: digestToHex(digest), misplaced };
}

async function digestVersions({ cycle }: Survey): Promise<string> {
  const { journal, time } = cycle.ports;
  let digest: Digest = emptyDigest;
  for (let rows = journal.liveVersionsAfter('', pageRows); ; ) {
    for (const { path, entry } of rows) digest = addDigest(digest, digestOf(path, entry));
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return digestToHex(digest);
    await time.sleep(0);
    rows = journal.liveVersionsAfter(last.path, pageRows);
  }
}

/** Equal cursors mean equal digests: what another member says of itself is held against this one. Throws DatastoreFault. */
export async function compareMembers(survey: Survey): Promise<void> {
  const { cycle, counts } = survey;
  const { journal, datastore } = cycle.ports;
  const { members } = await readMembers(datastore, cycle.share);
  const own = journal.meta('digest') ?? digestToHex(emptyDigest);
  for (const { heartbeat } of members) {
    if (heartbeat.cursor !== cycle.cursor || heartbeat.hash !== journal.meta('cursorHash') || heartbeat.digest === '') continue;
    counts.members++;
    if (heartbeat.digest === own) continue;
    const text = `${heartbeat.name} has folded the same log up to record ${cycle.cursor} to another state`;
    const remedy = `Run flocksync verify on ${heartbeat.name} as well: the member whose own digest is wrong has to rebuild its journal.`;
    survey.flaws.push(flaw('member-differs', heartbeat.name, text, remedy));
  }
}
