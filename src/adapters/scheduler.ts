export interface Schedule {
  stop(): Promise<void>;
}

/**
 * Calls `tick` at the times of a cron expression of five or six fields, by local time, or `spreadMs` later; at most half of the time until
 * the next one. What was missed is not made up for.
 */
export async function startSchedule(expression: string, tick: () => void, spreadMs = 0): Promise<Schedule> {
  // Loaded only where a schedule is configured.
  const { schedule } = await import('node-cron');
  let timer: NodeJS.Timeout | undefined;
  const begin = () => {
    const nextMs = task.getNextRun()?.getTime() ?? Number.POSITIVE_INFINITY;
    clearTimeout(timer);
    timer = setTimeout(tick, Math.min(spreadMs, Math.max(0, nextMs - Date.now()) / 2));
  };
  const task = schedule(expression, spreadMs === 0 ? tick : begin, { suppressMissedWarning: true });
  return {
    stop: async () => {
      clearTimeout(timer);
      await task.destroy();
    },
  };
}
