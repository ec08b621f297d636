import type { Answer, Datastore } from '../../src/ports/datastore.ts';

export interface BucketClock {
  /** Stands between a member and the bucket; the same clock for all that share it. */
  readonly through: (store: Datastore) => Datastore;
  /** Sets the bucket's clock forward. */
  pass(ms: number): void;
  nowMs(): number;
}

/** The bucket's clock can be set forward; objects keep the time at which they were put by it. */
export function bucketClock(): BucketClock {
  let aheadMs = 0;
  const written = new Map<string, number>();
  const nowMs = () => Date.now() + aheadMs;
  const put = <T>(key: string, answer: Answer<T>): Answer<T> => {
    written.set(key, nowMs());
    return later(answer);
  };
  const later = <T>(answer: Answer<T>): Answer<T> => ({ ...answer, dateMs: answer.dateMs + aheadMs });
  const timeOf = (key: string, realMs: number) => written.get(key) ?? realMs;
  const through = (store: Datastore): Datastore => ({
    get: async (key, options) => {
      const { value, dateMs } = later(await store.get(key, options));
      return { value: value === null ? null : { ...value, modifiedMs: timeOf(key, value.modifiedMs) }, dateMs };
    },
    put: async (key, bytes) => put(key, await store.put(key, bytes)),
    putIfAbsent: async (key, bytes) => {
      const answer = await store.putIfAbsent(key, bytes);
      return answer.value === 'created' ? put(key, answer) : later(answer);
    },
    putStream: async (key, size, open) => put(key, await store.putStream(key, size, open)),
    list: async (prefix, options) => {
      const { value, dateMs } = later(await store.list(prefix, options));
      return {
        value: { ...value, objects: value.objects.map((one) => ({ ...one, modifiedMs: timeOf(one.key, one.modifiedMs) })) },
        dateMs,
      };
    },
    listFolders: async (prefix) => later(await store.listFolders(prefix)),
    remove: async (key) => later(await store.remove(key)),
    unfinishedUploads: async (prefix) => later(await store.unfinishedUploads(prefix)),
    abortUpload: async (upload) => later(await store.abortUpload(upload)),
    close: () => store.close(),
  });
  return {
    through,
    nowMs,
    pass: (ms) => {
      aheadMs += ms;
    },
  };
}
