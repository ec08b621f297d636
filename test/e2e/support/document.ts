import { expect } from 'vitest';
import type { Actor } from './pair.ts';

// biome-ignore lint/suspicious/noExplicitAny: documents are read as a script would read them
export type Json = any;

/** The document that a read command prints; nothing but it may stand on standard output. */
export async function documentOf(member: Actor, code: number, command: string, ...args: string[]): Promise<Json> {
  const ran = await member.run(command, '--json', ...args);
  expect(ran.code, ran.stdout + ran.stderr).toBe(code);
  const document = JSON.parse(ran.stdout);
  expect(document.schema).toBe(1);
  return document;
}

export async function shareStatus(member: Actor, code = 0): Promise<Json> {
  return (await documentOf(member, code, 'status')).shares[0];
}

/** Id of the only hold of a member. */
export async function holdOf(member: Actor): Promise<string> {
  const { holds } = await shareStatus(member, 3);
  expect(holds).toHaveLength(1);
  return holds[0].id;
}
