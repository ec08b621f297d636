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
  lines.once('SIGINT', () => lines.close());
  let isOpen = true;
  lines.once('close', () => {
    isOpen = false;
  });
  return {
    ask: async (question) => (isOpen ? await answerTo(lines, question) : null),
    askSecret: async (question) => {
      screen.write(question);
      isShown = false;
      try {
        return isOpen ? await answerTo(lines, '') : null;
      } finally {
        isShown = true;
        screen.write('\n');
      }
    },
    close: () => lines.close(),
  };
}

function answerTo(lines: Interface, question: string): Promise<string | null> {
  return new Promise((resolve) => {
    const onClose = () => resolve(null);
    lines.once('close', onClose);
    lines.question(question, (answer) => {
      lines.removeListener('close', onClose);
      resolve(answer.trim());
    });
  });
}
