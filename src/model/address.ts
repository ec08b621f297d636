/** 4 or 6 for a numeric address of that family, 0 for anything else. */
export function isAddress(text: string): 0 | 4 | 6 {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split('.').every((part) => Number(part) <= 255) ? 4 : 0;
  return isSix(text) ? 6 : 0;
}

/** Only this machine can reach it. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  if (isAddress(host) === 4) return host.startsWith('127.');
  return isSix(host) && /^[0:]*:0*1$/.test(host);
}

/** Groups of hex digits, one gap at most; an address of the fourth version may not be part of it. */
function isSix(text: string): boolean {
  if (!/^[0-9a-fA-F:]{2,39}$/.test(text) || text.includes(':::')) return false;
  const [head = '', tail, more] = text.split('::');
  if (more !== undefined) return false;
  const groups = [...head.split(':'), ...(tail ?? '').split(':')].filter((group) => group !== '');
  const edges = [head, tail ?? ''].every((half) => half === '' || half.split(':').every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)));
  return edges && (tail === undefined ? groups.length === 8 : groups.length < 8);
}
