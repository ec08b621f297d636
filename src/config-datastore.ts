import { addFault, readSection, type Section } from './config-document.ts';
import { datastoreKeys, refuseUnknownKeys } from './config-keys.ts';
import type { DatastoreConfig, S3Config } from './config-types.ts';
import { fieldOf, readBoolean, readText, requireKeys, type Text } from './config-values.ts';

const s3Keys = ['endpoint', 'region', 'pathStyle', 'profile'] as const;

/** Undefined when there is a fault in it. */
export function readDatastore(top: Section): DatastoreConfig | undefined {
  const field = fieldOf(top, 'datastore');
  const section = field === undefined ? null : readSection(top.source, field.node, '`datastore`', '`datastore`');
  if (section === null) return undefined;
  refuseUnknownKeys(section, datastoreKeys);
  requireKeys(section, ['url']);
  const url = readText(section, 'url');
  const s3 = readS3Settings(section);
  if (url === undefined || refuseCredentials(section, 'url', url)) return undefined;
  if (url.value.startsWith('s3://')) return readS3Url(section, url, s3);
  if (url.value.startsWith('file://')) return readFileUrl(section, url);
  addFault(section.source, url.line, `\`url\` is ${url.shown}: write s3://bucket/prefix or file:///path`);
  return undefined;
}

type S3Settings = Pick<S3Config, (typeof s3Keys)[number]>;

function readS3Settings(section: Section): S3Settings {
  const endpoint = readEndpoint(section);
  const region = readText(section, 'region');
  if (region !== undefined && !/^[A-Za-z0-9_-]{1,64}$/.test(region.value)) {
    addFault(section.source, region.line, `\`region\` is ${region.shown}: write a region such as us-east-1`);
  }
  const profile = readText(section, 'profile');
  if (profile?.value === '') addFault(section.source, profile.line, '`profile` is empty: remove the line for the default credentials');
  const pathStyle = readBoolean(section, 'pathStyle') ?? endpoint !== null;
  return { endpoint, region: region?.value ?? 'us-east-1', pathStyle, profile: profile?.value ?? null };
}

function readEndpoint(section: Section): string | null {
  const text = readText(section, 'endpoint');
  if (text === undefined || refuseCredentials(section, 'endpoint', text)) return null;
  if (/^https?:\/\/[^\s/?#]+(\/[^\s?#]*)?$/.test(text.value) && URL.canParse(text.value)) return text.value.replace(/\/+$/, '');
  addFault(
    section.source,
    text.line,
    `\`endpoint\` is ${text.shown}: write http:// or https://, a host and a port if it is not the usual one`,
  );
  return null;
}

/** `s3://KEY:SECRET@bucket`: refused without repeating it. */
function refuseCredentials(section: Section, key: string, text: Text): boolean {
  const authority = /^[a-z0-9+.-]+:\/\/([^/?#]*)/i.exec(text.value)?.[1] ?? '';
  if (!authority.includes('@') && !/(secret|token|access.?key)[^/]*=/i.test(text.value)) return false;
  addFault(section.source, text.line, `\`${key}\` contains credentials: remove them and put them into /etc/flocksync.env (mode 0600)`);
  return true;
}

function readS3Url(section: Section, url: Text, settings: S3Settings): S3Config | undefined {
  const [bucket = '', ...rest] = url.value.slice('s3://'.length).split('/');
  const prefix = rest.join('/').replace(/\/+$/, '');
  const fault = bucketFault(bucket) ?? prefixFault(prefix);
  if (fault === undefined) return { kind: 's3', url: url.value, bucket, prefix, ...settings };
  addFault(section.source, url.line, `\`url\` is ${url.shown}: ${fault}`);
  return undefined;
}

function bucketFault(bucket: string): string | undefined {
  if (bucket.startsWith('arn:')) return 'write the name of the bucket, not an ARN (multi-region access points are not supported)';
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,61}[A-Za-z0-9]$/.test(bucket)) return undefined;
  return 'after s3:// comes the name of a bucket, 3 to 63 letters, digits, ".", "_" or "-"';
}

function prefixFault(prefix: string): string | undefined {
  if (prefix === '') return undefined;
  if (prefix.length > 256) return `the prefix has ${prefix.length} characters; 256 are allowed`;
  const good = prefix.split('/').every((part) => /^[A-Za-z0-9._~=+@-]+$/.test(part) && part !== '.' && part !== '..');
  return good ? undefined : 'the prefix may hold letters, digits and . _ ~ = + @ - between single slashes';
}

function readFileUrl(section: Section, url: Text): DatastoreConfig | undefined {
  for (const key of s3Keys) {
    const field = section.fields.get(key);
    if (field !== undefined) addFault(section.source, field.keyLine, `\`${key}\` has no meaning with a file:// url: remove it`);
  }
  const path = decoded(url.value.slice('file://'.length));
  if (path?.startsWith('/')) return { kind: 'file', url: url.value, path };
  addFault(section.source, url.line, `\`url\` is ${url.shown}: write file:// and an absolute path, for example file:///srv/flocksync`);
  return undefined;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
