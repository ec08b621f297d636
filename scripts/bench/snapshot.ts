import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Run, round, run, seconds, tell } from './measure.ts';
import { newDirectory } from './trees.ts';

const few = 100_000;
const many = 1_000_000;
const rssMaxMiB = 400;
/** Ten times the entries may cost so many times as much; the rest over ten is room for noise. */
const timesMax = 13;

const measured = ['write', 'write again', 'read'] as const;
type Phase = (typeof measured)[number];

const program = fileURLToPath(new URL('./snapshot-phase.ts', import.meta.url));
const loader = resolve(fileURLToPath(new URL('../..', import.meta.url)), 'node_modules/tsx/dist/loader.mjs');

/**
 * A snapshot of a log with 100,000 and with 1,000,000 entries: written from the records, from the older snapshot, and read into
 * a new journal; each in a process of its own.
 */
export async function snapshot(): Promise<boolean> {
  const small = await measure(few);
  const large = await measure(many);
  const peak = Math.max(...measured.map((phase) => large[phase].rssMiB));
  // Measured by the processor's time: what else the machine does does not count.
  const times = Math.max(...measured.map((phase) => large[phase].cpuMs / small[phase].cpuMs));
  tell('snapshot, growth', `${times.toFixed(1)} times the work for ten times the entries (goal ${timesMax})`, {
    ...{ ratio: round(times), goal: timesMax, reached: times <= timesMax },
  });
  tell('snapshot, memory', `${Math.round(peak)} MiB for ${many.toLocaleString('en')} entries (goal ${rssMaxMiB})`, {
    ...{ rssMiB: round(peak), goal: rssMaxMiB, reached: peak < rssMaxMiB },
  });
  return times <= timesMax && peak < rssMaxMiB;
}

async function measure(entries: number): Promise<Record<Phase, Run>> {
  const home = newDirectory('snapshot');
  const runs = {} as Record<Phase, Run>;
  const command = (phase: string) => [process.execPath, '--import', loader, program, phase, join(home, 'bucket'), home, String(entries)];
  await run(command('log'));
  for (const phase of measured) runs[phase] = await run(command(phase));
  for (const phase of measured) {
    const { wallMs, cpuMs, rssMiB } = runs[phase];
    tell(
      `snapshot, ${phase}`,
      `${entries.toLocaleString('en')} entries: ${seconds(wallMs)}, ${seconds(cpuMs)} of the processor, ${Math.round(rssMiB)} MiB`,
      {
        ...{ phase, entries, wallMs: round(wallMs), cpuMs: round(cpuMs), rssMiB: round(rssMiB) },
      },
    );
  }
  return runs;
}
