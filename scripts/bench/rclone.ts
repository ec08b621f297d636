/** Name of the remote that `rcloneSettings` configures. */
export const rcloneRemote = 'bench';

/** rclone against an S3 server, by environment variables alone; credentials come from the environment too. */
export function rcloneSettings(endpoint: string): NodeJS.ProcessEnv {
  return {
    ...{ RCLONE_CONFIG_BENCH_TYPE: 's3', RCLONE_CONFIG_BENCH_PROVIDER: 'Other', RCLONE_CONFIG_BENCH_ENDPOINT: endpoint },
    ...{ RCLONE_CONFIG_BENCH_ENV_AUTH: 'true', RCLONE_CONFIG: '/dev/null', AWS_REGION: process.env.AWS_REGION ?? 'us-east-1' },
    // rclone's own transport cannot be given a bundle of certificates.
    AWS_CA_BUNDLE: '',
  };
}
