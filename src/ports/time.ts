/** The only way to time. Wall-clock time is for people and for file stamps; intervals are measured by the monotonic clock. */
export interface Time {
  /** ms since 1970 by this machine's clock; may jump. */
  wallMs(): number;
  /** ms since an arbitrary moment; never jumps. */
  monotonicMs(): number;
  /** Resolves after `ms`, or at once (without an error) when the signal aborts; for 0 everything else that waits gets its turn first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
