/**
 * How far each watch has followed a log, one file a log, mode 0600: after a stop the next watch goes on from there. What
 * is looked for is part of a watch's name, so a new digest is looked for from the beginning, not from where another
 * watch has come to.
 */
import { join } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import type { Wanted } from '../core/registry/mentions.ts';
import { fileNameOf } from './kept-checkpoints.ts';
import { readPrivate, writePrivate } from './profile.ts';

interface State {
  origin: string;
  /** Index of the first entry that was not followed yet, by name of the watch. */
  next: Record<string, number>;
}

export interface Place {
  /** Undefined for a watch that has not begun. */
  readonly next: number | undefined;
  move(next: number): Promise<void>;
}

/** @throws RegistryError `configuration_invalid` for a file that others can change, or that is none of ours */
export async function placeOf(home: string, origin: string, { digests, parties }: Wanted): Promise<Place> {
  const path = join(home, 'watches', `${fileNameOf(origin)}.json`);
  const name = fileNameOf(...[...digests].sort(), '', ...[...parties].sort());
  return {
    next: (await read(path, origin)).next[name],
    // Read again each time: watches for other things share the file.
    move: async (next) => {
      const state = await read(path, origin);
      await writePrivate(path, `${JSON.stringify({ origin, next: { ...state.next, [name]: next } }, null, 2)}\n`);
    },
  };
}

async function read(path: string, origin: string): Promise<State> {
  const text = await readPrivate(path);
  if (text === undefined) return { origin, next: {} };
  try {
    const state = JSON.parse(text) as State;
    if (state.origin === origin && Object.values(state.next).every((next) => Number.isSafeInteger(next) && next >= 0)) {
      return state;
    }
  } catch (cause) {
    throw damaged(path, cause);
  }
  throw damaged(path);
}

const damaged = (path: string, cause?: unknown): RegistryError =>
  new RegistryError('configuration_invalid', `The file "${path}" does not tell how far a watch has come.`, {
    fix: 'Remove it; the next watch begins anew.',
    cause,
  });
