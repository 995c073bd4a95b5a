/** From what people type to a registration on record: its id, a digest, or the model's file, which is hashed here. */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { hashModel } from './hash-model.ts';
import { digestOf } from './parse.ts';
import type { ModelView, Provenance } from './views.ts';

/** @throws RegistryError `not_found` unless the caller owns exactly one registration of it */
export async function findOwnModel(context: Context, text: string): Promise<ModelView> {
  const { client, me } = await context.session();
  if (isId(text)) return client.get<ModelView>(`/v1/models/${text}`);
  const own = (await matchesOf(context, text)).filter(({ owners }) =>
    owners.some(({ party }) => party === me.party.id),
  );
  const [only] = own;
  if (only !== undefined && own.length === 1) return only.model;
  throw new RegistryError(
    'not_found',
    `You own ${own.length === 0 ? 'no' : 'more than one'} registration of ${text}.`,
    {
      field: 'model',
      fix: 'Name the registration by its id.',
    },
  );
}

/** Whosever it is. @throws RegistryError `not_found`; `usage` where several registrations are of the model */
export async function findAnyModel(context: Context, text: string): Promise<string> {
  if (isId(text)) return text;
  const found = await matchesOf(context, text);
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.model.id;
  if (only === undefined) throw new RegistryError('not_found', `There is no registration of ${text}.`);
  throw new RegistryError('usage', `There are ${found.length} registrations of ${text}.`, {
    fix: `Use an id: ${found.map(({ model }) => model.id).join(', ')}.`,
  });
}

const isId = (text: string): boolean => /^registration_[0-9a-z]{26}$/.test(text);

async function matchesOf(context: Context, text: string): Promise<Provenance['matches']> {
  const client = await context.client();
  const digest = digestOf(text) ?? (await digestOfFile(context, text));
  return (await client.get<Provenance>(`/v1/provenance/${digest}`)).matches;
}

async function digestOfFile({ io }: Context, path: string): Promise<Digest> {
  const { weightDigest, fileDigest } = await hashModel(io, path);
  return weightDigest ?? fileDigest;
}
