import type { LifecycleRule, S3Client } from '@aws-sdk/client-s3';
import type { Place } from './s3-client.ts';
import { type RawError, toFault } from './s3-faults.ts';
import type { Sdk } from './s3-sdk.ts';

/** One lifecycle rule that is enabled and touches keys of this federation. */
interface LifecycleFinding {
  readonly id: string;
  /** '' for the whole bucket. */
  readonly prefix: string;
  /** Current versions are deleted or moved to another storage class: fatal to a log. */
  readonly touchesLiveObjects: boolean;
  readonly abortsUploads: boolean;
}

/** Answers of stores differ: 'unsupported' and 'denied' are findings, not faults. Other trouble is a DatastoreFault. */
export interface BucketInspection {
  lifecycleRules(): Promise<readonly LifecycleFinding[] | 'unsupported' | 'denied'>;
  bucketVersioning(): Promise<'enabled' | 'suspended' | 'off' | 'unsupported' | 'denied'>;
}

export function inspection(sdk: Sdk, client: S3Client, place: Place): BucketInspection {
  const Bucket = place.bucket;
  return {
    lifecycleRules: () =>
      ask('s3:GetLifecycleConfiguration', Bucket, async () => {
        const { Rules } = await client.send(new sdk.GetBucketLifecycleConfigurationCommand({ Bucket })).catch(emptyWhereNone);
        return (Rules ?? []).filter((rule) => rule.Status === 'Enabled' && concerns(rule, place.base)).map(finding);
      }),
    bucketVersioning: () =>
      ask('s3:GetBucketVersioning', Bucket, async () => {
        const { Status } = await client.send(new sdk.GetBucketVersioningCommand({ Bucket }));
        return Status === 'Enabled' ? 'enabled' : Status === 'Suspended' ? 'suspended' : 'off';
      }),
  };
}

async function ask<T>(action: string, bucket: string, run: () => Promise<T>): Promise<T | 'unsupported' | 'denied'> {
  try {
    return await run();
  } catch (error) {
    const status = (error as RawError).$metadata?.httpStatusCode;
    if (status === 403) return 'denied';
    if (status === 501 || status === 405) return 'unsupported';
    throw toFault(error, { action, resource: `arn:aws:s3:::${bucket}`, conditional: false });
  }
}

function emptyWhereNone(error: RawError): { Rules: LifecycleRule[] } {
  if (error.name === 'NoSuchLifecycleConfiguration') return { Rules: [] };
  throw error;
}

function prefixOf(rule: LifecycleRule): string {
  return rule.Filter?.Prefix ?? rule.Filter?.And?.Prefix ?? rule.Prefix ?? '';
}

function concerns(rule: LifecycleRule, base: string): boolean {
  const prefix = prefixOf(rule);
  return prefix.startsWith(base) || base.startsWith(prefix);
}

function finding(rule: LifecycleRule): LifecycleFinding {
  const expires = rule.Expiration?.Days !== undefined || rule.Expiration?.Date !== undefined;
  return {
    id: rule.ID ?? '',
    prefix: prefixOf(rule),
    touchesLiveObjects: expires || (rule.Transitions ?? []).length > 0,
    abortsUploads: rule.AbortIncompleteMultipartUpload !== undefined,
  };
}
