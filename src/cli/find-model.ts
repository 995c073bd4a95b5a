/**
 * From what people type to a model or dataset on record: the id of its record, a digest, or a model file, which is hashed
 * here. Several parties may have registered one model, and title belongs to a registration.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Context } from './context.ts';
import { hashModel } from './hash-model.ts';
import { digestOf } from './parse.ts';
import type { DatasetView, ModelView, Provenance } from './views.ts';

/** @throws RegistryError `not_found` unless the caller owns exactly one registration of it */
export async function findOwnModel(context: Context, text: string): Promise<ModelView> {
  const { client, me } = await context.session();
  if (isRegistration(text)) return client.get<ModelView>(`/v1/models/${text}`);
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

/** The same, or a dataset by its id. */
export async function findOwnAsset(context: Context, text: string): Promise<Pick<ModelView, 'id' | 'statement'>> {
  if (!isDataset(text)) return findOwnModel(context, text);
  const { client } = await context.session();
  return client.get<DatasetView>(`/v1/datasets/${text}`);
}

/** The id of a model's registration, whosever it is. @throws RegistryError `not_found`; `usage` where there are several */
export async function findAnyModel(context: Context, text: string): Promise<string> {
  if (isRegistration(text)) return text;
  const matches = await matchesOf(context, text);
  const [only] = matches;
  if (only === undefined) throw new RegistryError('not_found', `There is no registration of ${text}.`);
  if (matches.length === 1) return only.model.id;
  const all = matches.map(({ model, owners }) => `${model.id} (${owners.map(({ name }) => name).join(', ')})`);
  throw new RegistryError('usage', `There are ${matches.length} registrations of ${text}.`, {
    field: 'asset',
    fix: `Use an id: ${all.join(', ')}.`,
  });
}

/** The same, or the id of a dataset. */
export const findAsset = async (context: Context, text: string): Promise<string> =>
  isDataset(text) ? text : findAnyModel(context, text);

const isRegistration = (text: string): boolean => /^registration_[0-9a-z]{26}$/.test(text);
const isDataset = (text: string): boolean => /^dataset_[0-9a-z]{26}$/.test(text);

/** All registrations of a model, in log order. */
export async function matchesOf(context: Context, text: string): Promise<Provenance['matches']> {
  const client = await context.client();
  const digest = digestOf(text) ?? (await digestOfFile(context, text));
  return (await client.get<Provenance>(`/v1/provenance/${digest}`)).matches;
}

/** The same; none where the model is not on record. */
export const matchesIfAny = (context: Context, text: string): Promise<Provenance['matches']> =>
  matchesOf(context, text).catch((error: unknown) => {
    if (error instanceof RegistryError && error.code === 'not_found') return [];
    throw error;
  });

async function digestOfFile({ io }: Context, path: string): Promise<Digest> {
  const { weightDigest, fileDigest } = await hashModel(io, path);
  return weightDigest ?? fileDigest;
}
