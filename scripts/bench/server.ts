import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';

const howTo = `no S3 server is named. A real one on this machine, as root, is Ceph's gateway from Debian's packages:
  CEPH_RGW_SIZE_GB=8 bash ../shared/s3/ceph-rgw.sh install && bash ../shared/s3/ceph-rgw.sh start 7480 && eval "$(bash ../shared/s3/ceph-rgw.sh env)"`;

/** The endpoint of AWS_ENDPOINT_URL, with credentials beside it. Throws with the lines that start one. */
export function endpoint(): string {
  const given = process.env.AWS_ENDPOINT_URL;
  if (!given || !process.env.AWS_ACCESS_KEY_ID || !process.env.AWS_SECRET_ACCESS_KEY) throw new Error(howTo);
  return given;
}

/** A new bucket on that server. */
export async function newBucket(at: string): Promise<string> {
  const name = `bench-${Date.now().toString(36)}-${Math.floor(Math.random() * 1e9).toString(36)}`;
  const client = new S3Client({ endpoint: at, forcePathStyle: true, region: process.env.AWS_REGION ?? 'us-east-1' });
  await client.send(new CreateBucketCommand({ Bucket: name }));
  client.destroy();
  return name;
}
