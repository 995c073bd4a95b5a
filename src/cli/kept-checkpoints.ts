/**
 * The newest checkpoint seen of each log, one file a log, verbatim. If the log is ever rewritten, it and the note that
 * contradicts it are kept together: anybody can check both signatures, and that no one tree has both heads.
 */
import { join } from 'node:path';
import { toHex, utf8 } from '../core/bytes.ts';
import { sha256 } from '../platform/crypto.ts';
import { readPrivate, writePrivate } from './profile.ts';

/** Text from a stranger: only its digest becomes a file name. */
export const fileNameOf = (...texts: readonly string[]): string => toHex(sha256(utf8(texts.join('\n')))).slice(0, 32);

const pathOf = (home: string, origin: string): string => join(home, 'checkpoints', `${fileNameOf(origin)}.txt`);

export const keptCheckpoint = (home: string, origin: string): Promise<string | undefined> =>
  readPrivate(pathOf(home, origin));

export const keepCheckpoint = (home: string, { origin, note }: { origin: string; note: string }): Promise<void> =>
  writePrivate(pathOf(home, origin), note);

export interface Evidence {
  /** Code and sentence of what was found */
  code: string;
  found: string;
  origin: string;
  /** When it was found, by this machine's clock */
  at: string;
  /** Both signed notes, verbatim */
  kept: string;
  shown: string;
}

/** @returns the file that holds both notes; the same two notes have one file */
export async function keepEvidence(home: string, evidence: Evidence): Promise<string> {
  const path = join(home, 'evidence', `${fileNameOf(evidence.kept, evidence.shown)}.json`);
  await writePrivate(path, `${JSON.stringify(evidence, null, 2)}\n`);
  return path;
}
