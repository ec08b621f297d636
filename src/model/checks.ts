import type { Hash } from './entry.ts';

/** Content from outside breaks the format. Thrown inside the model's readers only; each of them turns it into a verdict at its door. */
export class Malformed extends Error {
  override readonly name = 'Malformed';
}

export type Json = { readonly [key: string]: unknown };

export function parseObject(text: string, what: string): Json {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Malformed(`${what} is not JSON`);
  }
  return expectObject(value, what);
}

export function expectObject(value: unknown, what: string): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Malformed(`${what} is not an object`);
  return value as Json;
}

export function expectArray(value: unknown, lengthMax: number, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed(`${what} is not an array`);
  if (value.length > lengthMax) throw new Malformed(`${what} has more than ${lengthMax} elements`);
  return value;
}

/** A whole number from `min` to `max`, both included. */
export function expectInteger(value: unknown, min: number, max: number, what: string): number {
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    throw new Malformed(`${what} is not a whole number from ${min} to ${max}`);
  }
  return value as number;
}

export function expectBoolean(value: unknown, what: string): boolean {
  if (typeof value !== 'boolean') throw new Malformed(`${what} is neither true nor false`);
  return value;
}

export function expectOneOf<T extends string>(value: unknown, known: readonly T[], what: string): T {
  if (!known.includes(value as T)) throw new Malformed(`${what} is unknown`);
  return value as T;
}

/** Exactly `digits` lower-case hex digits. */
export function expectHex(value: unknown, digits: number, what: string): string {
  if (typeof value !== 'string' || value.length !== digits || !/^[0-9a-f]+$/.test(value)) {
    throw new Malformed(`${what} is not ${digits} hex digits`);
  }
  return value;
}

export function expectHash(value: unknown, what: string): Hash {
  return expectHex(value, 64, what);
}

/** A name for people or of an owner: 1 to 255 characters without control characters. */
export function expectName(value: unknown, what: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being refused
  if (typeof value !== 'string' || value === '' || value.length > 255 || /[\u0000-\u001f\u007f]/.test(value)) {
    throw new Malformed(`${what} is not a name of at most 255 characters`);
  }
  return value;
}
