/** A promise that does not hold. Thrown where it is seen, so that the trace ends there. */
export class Violation extends Error {
  override readonly name = 'Violation';
}
