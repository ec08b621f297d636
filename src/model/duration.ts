const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** A hundred years: more is a typing error, and sums of such numbers stay exact. */
const durationMsMax = 36_500 * 86_400_000;

/** `500ms`, `10s`, `10m`, `24h`, `30d`, `0s` to milliseconds; undefined for anything else, also for more than a hundred years. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return undefined;
  const ms = Number(match[1]) * (unitMs[match[2] ?? ''] ?? Number.NaN);
  return ms <= durationMsMax ? ms : undefined;
}

/** The shortest way to write a duration that `parseDuration` reads back: 600000 → `10m`. */
export function formatDuration(ms: number): string {
  if (ms === 0) return '0s';
  for (const unit of ['d', 'h', 'm', 's'] as const) {
    const length = unitMs[unit] as number;
    if (ms % length === 0) return `${ms / length}${unit}`;
  }
  return `${ms}ms`;
}
