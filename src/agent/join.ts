import { toText } from '../model/path.ts';
import type { Plan } from '../steps/plan.ts';
import type { Cycle } from './context.ts';

const joinListMax = 20;

/** A join tells once which local files went to the trash (rule J1). */
export function noteJoin(cycle: Cycle, decided: Plan): void {
  if (cycle.options.only === 'publish' || !cycle.canApply) return;
  const displaced = decided.applies.filter(
    ({ why, standing, path }) => why === 'join' && standing?.kind !== 'dir' && !cycle.toldOfJoin.has(path),
  );
  if (displaced.length === 0) return;
  for (const { path } of displaced) cycle.toldOfJoin.add(path);
  const listed = displaced.slice(0, joinListMax).map((item) => item.path);
  const more = displaced.length > listed.length ? ` and ${displaced.length - listed.length} more` : '';
  const what = displaced.length === 1 ? '1 local file differs' : `${displaced.length} local files differ`;
  const goes = displaced.length === 1 ? 'goes' : 'go';
  cycle.events.push(`${what} from the share that this member joins and ${goes} to the trash: ${listed.map(toText).join(', ')}${more}`);
}
