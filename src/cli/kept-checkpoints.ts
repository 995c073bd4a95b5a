/** The newest checkpoint seen of each log, one file a log, verbatim: it is evidence if the log is ever rewritten. */
import { join } from 'node:path';
import { toHex, utf8 } from '../core/bytes.ts';
import { sha256 } from '../platform/crypto.ts';
import { readPrivate, writePrivate } from './profile.ts';

/** The origin is text from a stranger: only its digest becomes a file name. */
const pathOf = (home: string, origin: string): string =>
  join(home, 'checkpoints', `${toHex(sha256(utf8(origin))).slice(0, 32)}.txt`);

export const keptCheckpoint = (home: string, origin: string): Promise<string | undefined> =>
  readPrivate(pathOf(home, origin));

export const keepCheckpoint = (home: string, { origin, note }: { origin: string; note: string }): Promise<void> =>
  writePrivate(pathOf(home, origin), note);
