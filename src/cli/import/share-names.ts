import { configuredNameMax } from '../../model/share-name.ts';

/** A name for each source: its last part, with as many parts before it as it takes to tell them apart. */
export function shareNames(sources: readonly (string | null)[]): readonly string[] {
  const taken = new Set<string>();
  return sources.map((source, at) => {
    const parts = (source ?? 'share').split('/').filter((part) => part !== '');
    for (let length = 1; length <= parts.length; length++) {
      const name = nameOf(parts.slice(-length));
      const clashes = sources.some((other, index) => index !== at && other !== null && nameOf(other.split('/').slice(-length)) === name);
      if (!clashes && !taken.has(name)) return take(name);
    }
    for (let number = 1; ; number++) {
      const name = nameOf([...parts.slice(-1), String(number)]);
      if (!taken.has(name)) return take(name);
    }
  });

  function take(name: string): string {
    taken.add(name);
    return name;
  }
}

function nameOf(parts: readonly string[]): string {
  const name = parts
    .join('-')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(-configuredNameMax)
    .replace(/^[^A-Za-z0-9]+/, '');
  // `bell` is taken by an object in the bucket.
  return name === '' ? 'share' : name === 'bell' ? 'bell-share' : name;
}
