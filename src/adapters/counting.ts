import type { Answer, Datastore } from '../ports/datastore.ts';

type CountedOperation = Exclude<keyof Datastore, 'close'>;

interface OperationCount {
  readonly calls: number;
  readonly faults: number;
  /** Bytes of bodies, without headers; of a failed call none. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

type Counts = Readonly<Record<CountedOperation, OperationCount>>;

export interface CountingDatastore extends Datastore {
  /** Since the decorator was made. Calls of the port: a multipart upload is one `putStream`, whatever requests it needs. */
  counts(): Counts;
}

/** Counts calls and bytes per operation. Below `retrying` it counts every attempt. */
export function counting(store: Datastore): CountingDatastore {
  const tally = newTally();
  const count = <T>(operation: CountedOperation, sentBytes: number, run: () => Promise<Answer<T>>) =>
    counted(tally[operation], sentBytes, run);
  return {
    get: async (key, options) => {
      const answer = await count('get', 0, () => store.get(key, options));
      tally.get.receivedBytes += answer.value?.bytes.length ?? 0;
      return answer;
    },
    put: (key, bytes) => count('put', bytes.length, () => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => count('putIfAbsent', bytes.length, () => store.putIfAbsent(key, bytes)),
    putStream: (key, size, open) => count('putStream', size, () => store.putStream(key, size, open)),
    list: (prefix, options) => count('list', 0, () => store.list(prefix, options)),
    listFolders: (prefix) => count('listFolders', 0, () => store.listFolders(prefix)),
    remove: (key) => count('remove', 0, () => store.remove(key)),
    unfinishedUploads: (prefix) => count('unfinishedUploads', 0, () => store.unfinishedUploads(prefix)),
    abortUpload: (upload) => count('abortUpload', 0, () => store.abortUpload(upload)),
    close: () => store.close(),
    counts: () => structuredClone(tally),
  };
}

type Tally = Record<CountedOperation, { -readonly [K in keyof OperationCount]: OperationCount[K] }>;

function newTally(): Tally {
  const none = () => ({ calls: 0, faults: 0, sentBytes: 0, receivedBytes: 0 });
  return {
    ...{ get: none(), put: none(), putIfAbsent: none(), putStream: none(), list: none(), listFolders: none(), remove: none() },
    ...{ unfinishedUploads: none(), abortUpload: none() },
  };
}

async function counted<T>(count: Tally[CountedOperation], sentBytes: number, run: () => Promise<Answer<T>>): Promise<Answer<T>> {
  count.calls++;
  try {
    const answer = await run();
    count.sentBytes += sentBytes;
    return answer;
  } catch (error) {
    count.faults++;
    throw error;
  }
}
