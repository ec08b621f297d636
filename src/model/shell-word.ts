/** A text as one word of a command line, to be copied into a shell: whatever it holds, it is nothing but a word there. */
export function shellWord(text: string): string {
  return /^[A-Za-z0-9_./@%+=:,~-]+$/.test(text) && !/^[~=]/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/** The same for a path, which must not look like a flag. */
export function pathWord(text: string): string {
  return shellWord(text.startsWith('-') ? `./${text}` : text);
}
