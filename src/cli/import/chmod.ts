export interface Modes {
  readonly fileMode: string | null;
  readonly dirMode: string | null;
}

/** rsync's `--chmod`, where it says all of the mode of files or directories (`D755,F644`, `Du=rwx,Dgo=rx,…`); null where it only alters bits. */
export function modesOf(chmod: string): Modes | null {
  const modes: Record<'F' | 'D', (number | null)[]> = { F: [null, null, null], D: [null, null, null] };
  for (const part of chmod.split(',')) {
    const octal = /^([DF]?)0?([0-7]{3})$/.exec(part);
    const symbols = /^([DF]?)([ugoa]*)=([rwxX]*)$/.exec(part);
    if (octal === null && (symbols === null || dependsOnFile(symbols))) return null;
    for (const kind of kindsOf((octal ?? symbols)?.[1] ?? '')) {
      if (octal !== null) modes[kind] = [...(octal[2] ?? '')].map(Number);
      else if (symbols !== null) setClasses(modes[kind], symbols[2] ?? '', bitsOf(symbols[3] ?? ''));
    }
  }
  const [fileMode, dirMode] = [octalOf(modes.F), octalOf(modes.D)];
  return fileMode === null && dirMode === null ? null : { fileMode, dirMode };
}

function kindsOf(letter: string): ('F' | 'D')[] {
  return letter === '' ? ['F', 'D'] : [letter as 'F' | 'D'];
}

/** For files `X` keeps the x of each; no fixed mode can say that. */
function dependsOnFile([, kind, , letters]: RegExpExecArray): boolean {
  return kind !== 'D' && letters?.includes('X') === true;
}

function bitsOf(letters: string): number {
  const bits: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1, X: 1 };
  return [...new Set(letters)].reduce((sum, letter) => sum | (bits[letter] ?? 0), 0);
}

function setClasses(mode: (number | null)[], classes: string, bits: number): void {
  for (const [at, letter] of ['u', 'g', 'o'].entries())
    if (classes === '' || /a/.test(classes) || classes.includes(letter)) mode[at] = bits;
}

/** Null unless owner, group and others are all said. */
function octalOf(mode: readonly (number | null)[]): string | null {
  return mode.includes(null) ? null : `0${mode.join('')}`;
}
