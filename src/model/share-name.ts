/** Longest name that a config file may give. */
export const configuredNameMax = 64;
/** Longest name of a share made from a pattern: `.flocksync-<share>` must be a legal file name with room to spare. */
export const expandedNameMax = 200;

/** Why a text may not name a federation or a share of the config file, or undefined when it may. */
export function nameFault(name: string): string | undefined {
  if (name === '') return 'is empty';
  if (name.length > configuredNameMax) return `has ${name.length} characters; ${configuredNameMax} are allowed`;
  if (!/^[A-Za-z0-9]/.test(name)) return 'must begin with a letter or a digit';
  const bad = /[^A-Za-z0-9._-]/u.exec(name);
  if (bad !== null) return `contains ${JSON.stringify(bad[0])}; letters, digits, ".", "_" and "-" are allowed`;
  return undefined;
}

/**
 * One directory name (as bytes, see path.ts) as a part of a share's name: bytes outside `[A-Za-z0-9._-]` become `%XX`, so
 * that `~` is free to join parts and every name has exactly one spelling.
 */
export function encodePart(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The directory name of a part, or undefined for what `encodePart` would never write: it could name something outside the pattern. */
export function decodePart(part: string): string | undefined {
  const name = part.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  if (name === '' || name === '.' || name === '..' || name.length > 255) return undefined;
  if (name.includes('/') || name.includes('\0')) return undefined;
  return encodePart(name) === part ? name : undefined;
}
