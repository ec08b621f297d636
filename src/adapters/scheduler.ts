export interface Schedule {
  stop(): Promise<void>;
}

/** Calls `tick` at the times of a cron expression of five or six fields, by local time. What was missed is not made up for. */
export async function startSchedule(expression: string, tick: () => void): Promise<Schedule> {
  // Loaded only where a schedule is configured.
  const { schedule } = await import('node-cron');
  const task = schedule(expression, tick, { suppressMissedWarning: true });
  return { stop: async () => void (await task.destroy()) };
}
