import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** About four times what V8 has by itself: bytes of bytecode that a function runs through between two looks at whether it is hot. */
const interruptBudget = 500_000;

/** V8's flags are its own; a version that does not know one says so on every run, so `knownUpTo` names the last major of Node that was tried. */
export function setFlag(flag: string, knownUpTo: number): void {
  if (Number(process.versions.node.split('.')[0]) <= knownUpTo) setFlagsFromString(flag);
}

/**
 * To be called before anything else. V8 compiles what is called often once more, in threads of its own; on two cores that took a sixth of
 * the processor time of a first `sync` of tens of thousands of files, and most of what it made had no time to pay off. What is really hot
 * is still compiled, a little later.
 */
export function optimizeLater(): void {
  setFlag(`--interrupt-budget=${interruptBudget}`, 20);
}

/** Takes tens of ms. V8 does it by itself only when memory is asked for, so that an idle process keeps what its last piece of work has left. */
export function collectNow(): void {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
}
