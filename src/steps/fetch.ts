import { chunksOf } from '../model/entry.ts';
import { stageLarge } from './fetch/large.ts';
import { placesOf } from './fetch/places.ts';
import type { FetchPorts, StageRequest, StageResult } from './fetch/request.ts';
import { stageSmall } from './fetch/small.ts';

/**
 * Stages every requested file with verified content (promise 2): from this disk where the same content stands under another name or
 * in the trash, else from the bucket. Results come in no particular order, many together; once it gives up there
 * are no more. Throws `DatastoreFault` for trouble with the whole store.
 */
export async function* fetchContents(
  ports: FetchPorts,
  share: string,
  requests: readonly StageRequest[],
): AsyncGenerator<readonly StageResult[]> {
  const places = placesOf(ports, requests);
  const isLarge = ({ entry }: StageRequest) => chunksOf(entry).length > 1;
  yield* stageSmall(
    ports,
    share,
    requests.filter((request) => !isLarge(request)),
    places,
  );
  for (const request of requests.filter(isLarge)) {
    const staged = await stageLarge(ports, share, request, places.copies(request.entry.hash));
    if (staged === null) return;
    yield [staged];
  }
}
