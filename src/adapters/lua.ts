import luaparse, { type Chunk } from 'luaparse';

export type LuaParsed =
  | { readonly ok: true; readonly chunk: Chunk }
  | { readonly ok: false; readonly line: number; readonly message: string };

/** Parses Lua and runs nothing. The text goes in as the bytes of its UTF-8, so that the strings of the tree are bytes as Lua's are. */
export function parseLua(text: string): LuaParsed {
  const bytes = Buffer.from(text, 'utf8').toString('latin1');
  try {
    const chunk = luaparse.parse(bytes, { luaVersion: '5.3', locations: true, comments: false, encodingMode: 'pseudo-latin1' });
    return { ok: true, chunk };
  } catch (error) {
    return { ok: false, ...faultOf(error) };
  }
}

function faultOf(error: unknown): { line: number; message: string } {
  if (error instanceof RangeError) return { line: 0, message: 'it is nested too deeply' };
  if (!(error instanceof SyntaxError)) throw error;
  const line = 'line' in error && typeof error.line === 'number' ? error.line : 0;
  return { line, message: Buffer.from(error.message.replace(/^\[\d+:\d+\] /, ''), 'latin1').toString('utf8') };
}
