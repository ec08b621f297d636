/**
 * Whether a command of `check` can only judge the copy where that stands in the root's place: one that names neither the copy nor the
 * question would judge what is served now, and let everything through.
 */
export function needsPlace(command: string): boolean {
  return !/\bFLOCKSYNC_(STAGED|IN_PLACE)\b/.test(command);
}
