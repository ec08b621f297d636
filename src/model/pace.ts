/** How often a daemon looks. All times in milliseconds. */

/** How long after the last change the federation still counts as active. */
const activeMs = 2 * 60_000;
/** Each further minute of quiet doubles the pause. */
const easeMs = 60_000;
/** Two members that ask in step drift apart. */
const jitter = 0.1;

/** Where the config says `adaptive`. */
export const adaptivePoll = { activeMs: 1000, idleMs: 15_000 };

/** Until the next look into the bucket: short while anything happened in the last minutes, easing to the longer pause. */
export function pollPauseMs(poll: { readonly activeMs: number; readonly idleMs: number }, quietMs: number): number {
  const doublings = Math.max(0, (quietMs - activeMs) / easeMs);
  return Math.min(poll.idleMs, poll.activeMs * 2 ** Math.min(doublings, 40));
}

/** The same pause, longer or shorter by a tenth at most; `fraction` in [0, 1). */
export function outOfStep(pauseMs: number, fraction: number): number {
  return pauseMs * (1 - jitter + 2 * jitter * fraction);
}

const lookMsMin = 1000;
const lookMsMax = 60_000;

/** Until the next look at the disk: a tenth of the time at most while files move, a fiftieth otherwise, but once a minute at least. */
export function lookPauseMs(lastLookMs: number, quietMs: number): number {
  const factor = quietMs < activeMs ? 10 : 50;
  return Math.min(lookMsMax, Math.max(lookMsMin, factor * lastLookMs));
}

/** Until the next look at what a look has left open, where events tell of what is new: soon after a change, then twice as late each time. */
export function relookPauseMs(lastLookMs: number, looksInVain: number): number {
  return Math.min(lookMsMax, Math.max(lookMsMin * 2 ** Math.min(looksInVain, 10), 10 * lastLookMs));
}

/** How long everything need not be looked at once more although events were lost: a tenth of the time at most, but a minute is enough. */
export function wholeLookRestMs(lastLookMs: number): number {
  return Math.min(lookMsMax, 10 * lastLookMs);
}

const vainFreely = 3;
const vainMsMax = 1000;

/** Between two looks that events ask for, after so many of them in a row have found nothing to do. */
export function vainPauseMs(cycles: number): number {
  return cycles <= vainFreely ? 0 : Math.min(vainMsMax, 25 * 2 ** Math.min(cycles - vainFreely, 10));
}

const troubleMsMax = 60_000;

/** Until the next try after `failures` in a row; `fraction` in [0, 1) keeps members from coming back all at once. */
export function troublePauseMs(failures: number, fraction: number): number {
  return Math.min(troubleMsMax, 1000 * 2 ** Math.min(failures, 10)) * (0.5 + fraction / 2);
}
