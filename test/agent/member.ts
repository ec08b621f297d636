import { onTestFinished } from 'vitest';
import { composeMember, type MemberOptions, type TestMember } from './compose.ts';

export { bucketIn, type MemberOptions, type TestMember } from './compose.ts';

/** A member that is closed when the test ends. */
export function memberIn(home: string, name: string, options: MemberOptions = {}): TestMember {
  const member = composeMember(home, name, options);
  onTestFinished(member.close);
  return member;
}
