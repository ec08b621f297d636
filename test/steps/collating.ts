import type { Candidate, CollateOptions, CollatePorts } from '../../src/steps/collate/finding.ts';
import { openReader } from '../../src/steps/collate/reader.ts';
import { type Collated, collate } from '../../src/steps/collate.ts';

/** Collates all of `found`, of a scan that ended at 0 ms. */
export async function collateAll(ports: CollatePorts, found: Candidate[], options: CollateOptions): Promise<Collated> {
  const settledMs = options.settleMs;
  const reader = openReader(ports, found, settledMs, options);
  return await collate(ports, { reader, most: Number.POSITIVE_INFINITY, missing: [], settledMs }, options);
}
