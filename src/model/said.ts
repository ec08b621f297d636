const charactersMax = 400;

/**
 * What a command said last, as one line of bounded length for problems and heartbeats: the end matters most. Control characters, those
 * that turn the direction of text among them, become spaces.
 */
export function lastWords(output: string, charactersKept = charactersMax): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being replaced
  const escapes = /\u001b\[[0-9;?]*[A-Za-z]/g;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
  const controls = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069\ufffd]+/g;
  const lines = output.replace(escapes, '').split(/[\r\n]+/);
  const text = lines
    .map((line) => line.replace(controls, ' ').trim())
    .filter((line) => line !== '')
    .join('; ');
  const characters = [...text];
  return characters.length <= charactersKept ? text : `…${characters.slice(1 - charactersKept).join('')}`;
}

/** Process ids, times and line counts differ from try to try; news is only what differs in its words. */
export function saysTheSame(one: string, other: string): boolean {
  return one.replace(/\d+/g, '0') === other.replace(/\d+/g, '0');
}
