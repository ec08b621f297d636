import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3';
import { need, round, run, seconds, tell } from './measure.ts';
import { member } from './members.ts';
import { rcloneRemote, rcloneSettings } from './rclone.ts';
import { endpoint, newBucket } from './server.ts';
import { mediawikiTree, newDirectory } from './trees.ts';

const timesAws = 5;
const timesRclone = 3;
/** Of what the server gives to one client, or of what the disk takes, whichever is slower. */
const shareOfLimit = 0.6;
const getsAtOnce = 8;

/** A new member of a share whose bucket was compacted, beside `aws s3 sync` and `rclone copy` of the same files from the same server. */
export async function bootstrap(): Promise<boolean> {
  need('aws', 'apt-get install awscli');
  need('rclone', 'apt-get install rclone');
  need('tar', 'apt-get install tar');
  const server = endpoint();
  const tree = mediawikiTree();
  const bucket = await newBucket(server);
  const place = { url: `s3://${bucket}/bench`, endpoint: server };
  const publisher = member('a', place, [tree]);
  await run(publisher('sync'));
  await run(publisher('housekeep'));
  const ours = await run(member('b', place, [newDirectory('b')])('sync'));
  const rawMs = await rawGet(server, bucket);
  const tarMs = await untar(tree);
  const { awsMs, rcloneMs } = await peers(server, tree);
  const ratio = { aws: awsMs / ours.wallMs, rclone: rcloneMs / ours.wallMs, limit: Math.max(rawMs, tarMs) / ours.wallMs };
  const reached = ratio.aws >= timesAws && ratio.rclone >= timesRclone && ratio.limit >= shareOfLimit;
  tell('bootstrap mediawiki', `flocksync ${seconds(ours.wallMs)} from a compacted bucket, ${round(ours.rssMiB)} MiB`, {
    ...{ wallMs: round(ours.wallMs), cpuMs: round(ours.cpuMs), rssMiB: round(ours.rssMiB), reached },
  });
  tell('aws s3 sync', `${seconds(awsMs)}, flocksync is ${ratio.aws.toFixed(1)} times as fast (goal ${timesAws})`, {
    ...{ wallMs: round(awsMs), ratio: round(ratio.aws), goal: timesAws, reached: ratio.aws >= timesAws },
  });
  tell('rclone copy', `${seconds(rcloneMs)}, flocksync is ${ratio.rclone.toFixed(1)} times as fast (goal ${timesRclone})`, {
    ...{ wallMs: round(rcloneMs), ratio: round(ratio.rclone), goal: timesRclone, reached: ratio.rclone >= timesRclone },
  });
  const limits = `raw GET of the packs ${seconds(rawMs)}, tar x ${seconds(tarMs)}`;
  tell('limit', `${limits}: flocksync reaches ${Math.round(ratio.limit * 100)} % of the slower (goal ${shareOfLimit * 100} %)`, {
    ...{ rawMs: round(rawMs), tarMs: round(tarMs), ratio: round(ratio.limit), goal: shareOfLimit, reached: ratio.limit >= shareOfLimit },
  });
  return reached;
}

/** Every pack of the bucket, read by one client with several requests at once and thrown away. */
async function rawGet(server: string, bucket: string): Promise<number> {
  const client = new S3Client({ endpoint: server, forcePathStyle: true, region: process.env.AWS_REGION ?? 'us-east-1' });
  const listed = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: 'bench/bench/share0/packs/' }));
  const keys = (listed.Contents ?? []).map(({ Key }) => Key as string);
  if (keys.length === 0) throw new Error('the bucket holds no pack');
  const started = performance.now();
  const readNext = async (): Promise<void> => {
    for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      await Body?.transformToByteArray();
    }
  };
  await Promise.all(Array.from({ length: getsAtOnce }, readNext));
  client.destroy();
  return performance.now() - started;
}

async function untar(tree: string): Promise<number> {
  const archive = join(newDirectory('tar'), 'tree.tar');
  await run(['tar', '-cf', archive, '-C', tree, '.']);
  return (await run(['tar', '-xf', archive, '-C', newDirectory('untar')])).wallMs;
}

async function peers(server: string, tree: string): Promise<{ awsMs: number; rcloneMs: number }> {
  const bucket = await newBucket(server);
  const remote = `${rcloneRemote}:${bucket}`;
  const settings = rcloneSettings(server);
  await run(['rclone', 'copy', '--transfers', '16', tree, remote], settings);
  const rclone = await run(['rclone', 'copy', '--transfers', '16', remote, newDirectory('rclone')], settings);
  const aws = await run(['aws', '--endpoint-url', server, 's3', 'sync', '--only-show-errors', `s3://${bucket}`, newDirectory('aws')]);
  return { awsMs: aws.wallMs, rcloneMs: rclone.wallMs };
}
