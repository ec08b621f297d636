import { idBelow, logKey, memberKey, membersPrefix, packsPrefix, parseSnapshotKey, snapshotsPrefix } from '../../model/keys.ts';
import { DatastoreFault, type Listed } from '../../ports/datastore.ts';
import { forgottenMs } from '../members.ts';
import type { Care } from './care.ts';
import type { Stock } from './stock.ts';

/** Rule L6: ascending, one after the other, so that a kill leaves no hole. */
export async function deleteRecords(care: Care, stock: Stock): Promise<void> {
  const { datastore, journal } = care.cycle.ports;
  await care.each(
    () => stock.deletable(),
    String,
    async (sequence) => {
      const covering = stock.ripe();
      care.tell('delete', logKey(care.cycle.share, sequence), `the snapshot up to record ${covering?.upTo} covers it`);
      stock.noteGone(sequence);
      if (care.dryRun) return;
      await datastore.remove(logKey(care.cycle.share, sequence));
      care.objectsLeft--;
      journal.setMeta('horizon', String(Math.max(sequence + 1, Number(journal.meta('horizon') ?? '0'))));
    },
  );
}

/** Rule P3: retired a grace time ago, and still needed by nothing. */
export async function deleteRetired(care: Care, stock: Stock): Promise<void> {
  await care.each(
    () => [...deletableObjects(care, stock)],
    ({ key }) => key,
    async ({ key }) => {
      care.tell('delete', key, 'it was retired long enough ago');
      if (care.dryRun) return;
      await care.cycle.ports.datastore.remove(key);
      care.objectsLeft--;
    },
  );
}

function* deletableObjects(care: Care, stock: Stock): Generator<Listed> {
  const { journal } = care.cycle.ports;
  const ripeMs = care.nowMs - care.ages.retireGraceMs;
  const old = journal.retired().filter(({ atMs }) => atMs <= ripeMs);
  if (old.length === 0) return;
  stock.weigh();
  const needed = new Set(journal.packIndex().flatMap(({ id, homeBytes }) => (homeBytes > 0 ? [id] : [])));
  const owners = journal.bodies();
  const announced = new Set(journal.snapshots().map(({ id }) => id));
  const standing = new Set(stock.log());
  for (const { kind, id } of old) {
    if (kind === 'pack' && !needed.has(id)) yield* known(stock.listed.packs.get(id));
    if (kind === 'body' && !standing.has(owners.get(id) ?? 0)) yield* known(stock.listed.bodies.get(id));
    if (kind === 'snapshot' && !announced.has(id)) yield* known(stock.listed.snapshots.get(id));
  }
}

function* known(object: Listed | undefined): Generator<Listed> {
  if (object !== undefined) yield object;
}

/** Uploads in parts that nobody can still be busy with. A store that does not let this member look has its own rule for them. */
export async function abortUploads(care: Care): Promise<void> {
  const { datastore } = care.cycle.ports;
  for (const prefix of [packsPrefix(care.cycle.share), snapshotsPrefix(care.cycle.share)]) {
    if (care.over()) return;
    try {
      for (const upload of (await datastore.unfinishedUploads(prefix)).value) {
        if (!isOurs(prefix, upload.key) || care.nowMs - upload.startedMs < care.ages.unreferencedMs || care.over()) continue;
        care.tell('abort', upload.key, 'this upload was never finished');
        if (!care.dryRun) await datastore.abortUpload(upload);
      }
    } catch (error) {
      if (!(error instanceof DatastoreFault) || error.kind !== 'permanent') throw error;
      care.cycle.ports.log.debug({ step: 'housekeep', share: care.cycle.share, code: error.code }, 'unfinished uploads cannot be listed');
    }
  }
}

/** What somebody else puts below the prefix is nobody's business here; a directory as datastore knows no key, and all in it is ours. */
function isOurs(prefix: string, key: string): boolean {
  return key === prefix || idBelow(prefix, key) !== undefined || parseSnapshotKey(key) !== undefined;
}

/** Servers of a scaled group come and go under ever new ids; their heartbeats would be read by every `status` for ever. */
export async function forgetMembers(care: Care): Promise<void> {
  const { datastore, member } = care.cycle.ports;
  const prefix = membersPrefix(care.cycle.share);
  const own = memberKey(care.cycle.share, member.id);
  for (let after: string | undefined; !care.over(); ) {
    const { value } = await datastore.list(prefix, after === undefined ? {} : { after });
    for (const { key, modifiedMs } of value.objects) {
      if (key === own || idBelow(prefix, key, '.json') === undefined || care.nowMs - modifiedMs < forgottenMs || care.over()) continue;
      care.tell('delete', key, 'this member was not heard of for 30 days');
      if (!care.dryRun) await datastore.remove(key);
    }
    after = value.objects.at(-1)?.key;
    if (!value.truncated || after === undefined) return;
  }
}
