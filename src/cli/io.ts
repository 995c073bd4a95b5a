/**
 * Where the command line reads and writes. A command sees only this, so that the demo and the tests run the very code
 * that a terminal runs. What a program wants goes to `out`, everything said to a person on the way goes to `note`.
 */
import type { Interface } from 'node:readline/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { RegistryError } from '../core/errors.ts';

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Standard output: the result, nothing else. */
  readonly out: (text: string) => void;
  /** Standard error: notices, questions, progress. */
  readonly note: (text: string) => void;
  /** Whether somebody watches standard error, so that a progress bar makes sense. */
  readonly watched: boolean;
  /** The answer of a person at a terminal, or `cancelled`; undefined where there is none to ask. */
  readonly ask?: (question: string) => Promise<string>;
  /** The same for a secret: what is typed is not shown. */
  readonly askSecret?: (question: string) => Promise<string>;
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
    ...(interactive ? { ask, askSecret } : {}),
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
  const answer = await questionOn(createInterface({ input: process.stdin, output: process.stderr }), question);
  return answer.trim();
}

async function askSecret(question: string): Promise<string> {
  // As a terminal it switches the screen's own echo off, before anybody is asked; what it would show goes nowhere.
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true, historySize: 0 });
  process.stderr.write(question);
  const secret = await questionOn(terminal, '');
  process.stderr.write('\n');
  return secret;
}

async function questionOn(terminal: Interface, question: string): Promise<string> {
  try {
    return await terminal.question(question);
  } catch (cause) {
    // Ctrl-C or Ctrl-D: while a line is edited here they are keys like others, and end no process.
    throw new RegistryError('cancelled', 'The question was not answered.', { cause });
  } finally {
    terminal.close();
  }
}
