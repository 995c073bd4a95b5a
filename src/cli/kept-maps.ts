/** Where the newest map seen of each log stands in it, one file a log: an older one may hide what was registered since. */
import { join } from 'node:path';
import { toHex, utf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import { sha256 } from '../platform/crypto.ts';
import { readPrivate, writePrivate } from './profile.ts';

/** The origin is text from a stranger: only its digest becomes a file name. */
const pathOf = (home: string, origin: string): string =>
  join(home, 'maps', `${toHex(sha256(utf8(origin))).slice(0, 32)}.txt`);

/** @throws RegistryError `configuration_invalid` for a file that holds something else */
export async function keptMap(home: string, origin: string): Promise<number | undefined> {
  const text = await readPrivate(pathOf(home, origin));
  if (text === undefined) return undefined;
  if (/^(?:0|[1-9]\d{0,15})\n$/.test(text)) return Number(text);
  throw new RegistryError('configuration_invalid', `The file "${pathOf(home, origin)}" holds no index.`, {
    fix: 'Remove it.',
  });
}

export const keepMap = (home: string, origin: string, index: number): Promise<void> =>
  writePrivate(pathOf(home, origin), `${index}\n`);
