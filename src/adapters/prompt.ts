import { createInterface, type Interface } from 'node:readline';
import { Writable } from 'node:stream';

/** Questions to a person at a terminal. Null is the end of the input, or Ctrl-C. */
export interface Prompt {
  ask(question: string): Promise<string | null>;
  /** What is typed is not shown. */
  askSecret(question: string): Promise<string | null>;
  close(): void;
}

/** The parts of the process's streams that are used. */
type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };
type Screen = NodeJS.WritableStream & { readonly isTTY?: boolean };

/** Null where nobody is there to answer: without a terminal on both sides nothing may ever wait for one. */
export function openPrompt(input: Input, screen: Screen): Prompt | null {
  if (input.isTTY !== true || screen.isTTY !== true) return null;
  let isShown = true;
  const output = new Writable({
    write(piece, _encoding, done) {
      if (isShown) screen.write(piece);
      done();
    },
  });
  const lines = createInterface({ input, output, terminal: true });
  const next = answersOf(lines);
  return {
    ask: async (question) => {
      lines.setPrompt(question);
      lines.prompt();
      return await next();
    },
    askSecret: async (question) => {
      screen.write(question);
      isShown = false;
      try {
        return await next();
      } finally {
        isShown = true;
        screen.write('\n');
      }
    },
    close: () => lines.close(),
  };
}

/** One line after the other; what is pasted before it is asked for waits its turn. */
function answersOf(lines: Interface): () => Promise<string | null> {
  const typed: string[] = [];
  let isOpen = true;
  let waiting: ((answer: string | null) => void) | null = null;
  const settle = (answer: string | null) => {
    const resolve = waiting;
    waiting = null;
    resolve?.(answer);
  };
  lines.on('line', (line) => (waiting === null ? void typed.push(line.trim()) : settle(line.trim())));
  lines.once('SIGINT', () => {
    const isWork = waiting === null;
    lines.close();
    // While nothing is asked, Ctrl-C means what is being done; the terminal hands it to the prompt as a key.
    if (isWork) process.kill(process.pid, 'SIGINT');
  });
  lines.once('close', () => {
    isOpen = false;
    settle(null);
  });
  return () =>
    new Promise((resolve) => {
      const early = typed.shift();
      if (early !== undefined || !isOpen) resolve(early ?? null);
      else waiting = resolve;
    });
}
