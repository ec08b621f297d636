const hourMs = 3600 * 1000;
const dayMs = 24 * hourMs;

/** How long a record lives at least beyond the announcement of a snapshot that covers it, ms; a shorter history shortens it (rule L6). */
function logGraceMs(historyMs: number): number {
  return Math.min(dayMs, historyMs);
}

/**
 * Between the look that saw a number free and the answer of the put, ms: where more time has passed, records may have been housekept
 * meanwhile, and the number may have been a hole (rule S3). Far below the time for which records live beyond their snapshot.
 */
export function farApartMs(historyMs: number): number {
  return Math.min(hourMs, logGraceMs(historyMs) / 24);
}
