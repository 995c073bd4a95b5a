/**
 * What opens a behaviour on record: a file of its owner's, mode 0600, one for each model. The secret is on disk before the
 * registry is asked for its half of the seed, since without it nobody can tell the challenges; the answers follow.
 *
 * Whoever gets the file knows the challenges, and could teach them to a copy. It is for the dispute, not before.
 */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { toHex } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { BehaviourOpening } from '../core/behaviour/opening.ts';
import { openingSchema } from '../core/behaviour/opening.ts';
import { parseJson } from './behaviour-files.ts';
import type { Context } from './context.ts';
import { readPrivate, writeNew, writePrivate } from './profile.ts';

const keptSchema = openingSchema.partial({ answers: true }) as z.ZodType<KeptOpening>;
export type KeptOpening = Omit<BehaviourOpening, 'answers'> & Partial<Pick<BehaviourOpening, 'answers'>>;

/** Makes a secret, and keeps it. @throws RegistryError `already_exists`, so that none is ever overwritten */
export async function makeOpening(context: Context, origin: string, registration: string): Promise<KeptOpening> {
  const kept = { origin, registration, secret: toHex(randomBytes(32)) };
  await writeNew(await fileOf(context, registration), textOf(kept));
  return kept;
}

/** @returns the file */
export async function keepAnswers(context: Context, opening: BehaviourOpening): Promise<string> {
  const file = await fileOf(context, opening.registration);
  await writePrivate(file, textOf(opening));
  return file;
}

/**
 * @param named a registration's id, or the file that opens its behaviour
 * @throws RegistryError `invalid_input` for another file; `configuration_invalid` for one that others can read
 */
export async function findOpening(context: Context, named: string): Promise<KeptOpening | undefined> {
  const file = isRegistration(named) ? await fileOf(context, named) : resolve(named);
  const text = await readPrivate(file);
  if (text === undefined) return undefined;
  const read = keptSchema.safeParse(parseJson(text, file));
  if (read.success) return read.data;
  throw new RegistryError('invalid_input', `The file "${file}" opens no behaviour.`, { cause: read.error });
}

/** @throws RegistryError `unreachable` where there is no such file */
export async function requireOpening(context: Context, named: string): Promise<KeptOpening> {
  const kept = await findOpening(context, named);
  if (kept !== undefined) return kept;
  throw new RegistryError('unreachable', `Nothing here opens the behaviour of ${named}.`, {
    field: 'model',
    fix: 'Name the file that "muniment behaviour record" told its owner to keep.',
  });
}

const isRegistration = (text: string): boolean => /^registration_[0-9a-z]{26}$/.test(text);

const textOf = (kept: KeptOpening): string => `${JSON.stringify(kept)}\n`;

async function fileOf(context: Context, registration: string): Promise<string> {
  const { home } = await context.settings();
  return join(home, 'behaviours', `${registration}.json`);
}
