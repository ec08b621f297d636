import type { CommandSpec } from './command-spec.ts';

/** How a server comes to a share, and comes back to it. */
export const initSpec: CommandSpec = {
  name: 'init',
  words: 'URL [PATH]',
  wordsMin: 1,
  wordsMax: 2,
  json: false,
  flags: [
    { long: 'endpoint', value: 'URL', about: 'where the store answers (default AWS, or AWS_ENDPOINT_URL)' },
    { long: 'region', value: 'NAME', about: 'region of the bucket (default AWS_REGION, or us-east-1)' },
    { long: 'path-style', value: 'true|false', about: 'bucket in the path of the address (default true with an endpoint)' },
    { long: 'profile', value: 'NAME', about: 'of the AWS config files' },
    { long: 'federation', value: 'NAME', about: 'the group of servers (default the one in the bucket, or web)' },
    { long: 'share', value: 'NAME', about: 'the share (default by PATH; webroot for a web root)' },
    { long: 'preset', value: 'NAME', about: 'wordpress, joomla, drupal, moodle, moodledata or none (default by what lies in PATH)' },
    { long: 'role', value: 'ROLE', about: 'both, publisher or subscriber (default both)' },
    { long: 'mode', value: 'MODE', about: 'heavyweight or lightweight (default heavyweight)' },
    { long: 'join', value: 'trash|merge', about: 'what becomes of files that only this server has (default trash)' },
    { long: 'member', value: 'NAME', about: 'a label for this server (default the host name)' },
    { long: 'state', value: 'DIR', about: 'where journals lie (default /var/lib/flocksync)' },
    { long: 'save-keys', about: 'write the keys of this shell into /etc/flocksync.env (0600)' },
    { long: 'force', about: 'replace a config that stands there; it is kept as FILE.old' },
    { long: 'yes', short: 'y', about: 'ask nothing, also on a terminal' },
  ],
  unbuiltFlags: [],
  about: 'write the config, run doctor, show what a first sync would do',
  details: [
    'URL is s3://BUCKET/PREFIX or file:///DIRECTORY; PATH is the directory to keep identical (default /var/www/html). On a terminal it asks for what it cannot know; otherwise the flags answer, and it never waits.',
    'On the server with the good content it comes first, then on each of the others with the same URL: there it finds the share in the bucket and says what joining means for the files of that server. It publishes nothing and touches nothing below PATH.',
    'Credentials never come into the config. Keys that were typed, or those of the shell with --save-keys, go into /etc/flocksync.env, unless that file is there already.',
  ],
  examples: [
    'flocksync init s3://my-bucket/web',
    'flocksync init s3://my-bucket/web /srv/site --endpoint https://s3.example.net',
    'flocksync init file:///mnt/shared/flocksync /etc/nginx --share nginx --yes',
  ],
};

export const joinSpec: CommandSpec = {
  name: 'join',
  words: 'SHARE',
  wordsMin: 1,
  wordsMax: 1,
  json: false,
  flags: [
    { long: 'dry-run', short: 'n', about: 'print what would be done, one line per path; do nothing' },
    { long: 'merge', about: 'publish what only this server has; the default is what `join` of the config says' },
    { long: 'yes', short: 'y', about: 'do not ask; without a terminal it is needed' },
  ],
  unbuiltFlags: [],
  about: 'join a share anew, as a new server does: the log wins, this disk follows',
  details: [
    'For a server whose files went wrong: forgets what this member knew of the share, makes the tree what the log says, and runs a whole cycle. What differs here, and what is only here, goes to the trash and is listed; then the exit code is 1, once. Nothing of it is published, unless --merge is given.',
    'What a cycle has published already is in the log: take that back with undo or restore. After a halt because of the lineage this makes the bucket win, where approve lineage makes a union.',
  ],
  examples: ['flocksync join webroot -n', 'flocksync join webroot', 'flocksync join webroot --merge --yes'],
};
