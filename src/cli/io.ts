/**
 * Where the command line reads and writes. A command sees only this, so that the demo and the tests run the very code
 * that a terminal runs. What a program wants goes to `out`, everything said to a person on the way goes to `note`.
 */
import { createInterface } from 'node:readline/promises';

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output: the result, nothing else. */
  readonly out: (text: string) => void;
  /** Standard error: notices, questions, progress. */
  readonly note: (text: string) => void;
  /** Whether somebody watches standard error, so that a progress bar makes sense. */
  readonly watched: boolean;
  /** The answer of a person at a terminal; undefined where there is none to ask. */
  readonly ask?: (question: string) => Promise<string>;
  /** All of standard input. */
  readonly input: () => Promise<string>;
  /** Runs `handler` on Ctrl-C until the returned function is called. */
  readonly onInterrupt: (handler: () => void) => () => void;
}

export function processIo(): Io {
  const interactive = process.stdin.isTTY && process.stderr.isTTY;
  return {
    env: process.env,
    out: (text) => void process.stdout.write(text),
    note: (text) => void process.stderr.write(text),
    watched: process.stderr.isTTY === true,
    ...(interactive ? { ask } : {}),
    input: async () => {
      const parts: Buffer[] = [];
      for await (const part of process.stdin) parts.push(part as Buffer);
      return Buffer.concat(parts).toString('utf8');
    },
    onInterrupt: (handler) => {
      process.on('SIGINT', handler);
      return () => void process.off('SIGINT', handler);
    },
  };
}

async function ask(question: string): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await terminal.question(question)).trim();
  } finally {
    terminal.close();
  }
}
