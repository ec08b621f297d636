/** Lines of JSON out of a stream of bytes; `onLine` gets undefined for one that is no JSON. False from `push` once a line is too long. */
export function lineReader(lineBytesMax: number, onLine: (json: unknown) => void): { push(bytes: Buffer): boolean } {
  let pieces: Buffer[] = [];
  let length = 0;
  const take = (bytes: Buffer): boolean => {
    length += bytes.length;
    if (length > lineBytesMax) return false;
    pieces.push(bytes);
    return true;
  };
  return {
    push: (bytes) => {
      let from = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, from)) {
        if (!take(bytes.subarray(from, end))) return false;
        const line = Buffer.concat(pieces).toString('utf8');
        pieces = [];
        length = 0;
        from = end + 1;
        onLine(parsed(line));
      }
      return take(bytes.subarray(from));
    },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
