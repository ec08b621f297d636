/**
 * - ok. - note: worth knowing, nothing to do now. - warning: harmless so far. - problem: something will not work.
 * - unreachable: the store gave no usable answer; later may succeed.
 */
export type Verdict = 'ok' | 'note' | 'warning' | 'problem' | 'unreachable';

/** One thing that `doctor` has tested. */
export interface Finding {
  /** Stable word for scripts, such as 'conditional-put'. */
  readonly check: string;
  /** null for what concerns the whole federation. */
  readonly share: string | null;
  readonly verdict: Verdict;
  readonly text: string;
  /** What to do about it; '' where there is nothing to do. */
  readonly fix: string;
}

export function finding(check: string, verdict: Verdict, text: string, fix = ''): Finding {
  return { check, share: null, verdict, text, fix };
}

const warnMs = 5 * 60_000;
/** S3 refuses requests that are dated further off than this. */
const refusedMs = 15 * 60_000;

/** `offsetMs` > 0: this machine is ahead of the store. */
export function clockFinding(offsetMs: number): Finding {
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  const text = `this machine's clock is ${seconds} s ${offsetMs < 0 ? 'behind' : 'ahead of'} the store's`;
  const fix = 'Set the clock and keep it set (chrony or systemd-timesyncd).';
  if (Math.abs(offsetMs) <= 2000) return finding('clock', 'ok', "this machine's clock agrees with the store's");
  if (Math.abs(offsetMs) < warnMs) return finding('clock', 'ok', `${text}, which is harmless`);
  if (Math.abs(offsetMs) < refusedMs)
    return finding('clock', 'warning', `${text}: harmless below 15 minutes, but conflicts prefer its files`, fix);
  return finding('clock', 'problem', `${text}: stores refuse requests that are more than 15 minutes off`, fix);
}
