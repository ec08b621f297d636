import { formatElapsed } from '../format.ts';

/** As long as systemd waits: one look at a slow disk may hold everything up for minutes. */
export const silentMsMax = 15 * 60_000;

/** The shares that nobody has seen to for too long, a line for each; none where the daemon does its work. `signs`: ms since the last sign of life. */
export function stuck(signs: readonly { readonly share: string; readonly agoMs: number }[]): string[] {
  return signs
    .filter(({ agoMs }) => agoMs > silentMsMax)
    .map(({ share, agoMs }) => `${share}: nothing has happened for ${formatElapsed(agoMs)}`);
}
