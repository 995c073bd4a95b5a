/**
 * The weights of a model on record: for an owner with its API key, for a licensee with a license token. What they have to be
 * is read from the signed record of the model, not from who sends them.
 */
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Spoken } from '../core/registry/kind.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Context } from './context.ts';
import { download } from './download.ts';
import { findAnyModel } from './find-model.ts';
import { issuerOf, proveTo, readHolderKey } from './holder-key.ts';
import { readSecret } from './settings.ts';
import { issueToken } from './tokens.ts';
import { checkReceipts } from './verify.ts';
import type { ModelView, RegistrationBody } from './views.ts';

export interface FetchFacts {
  out: string;
  /** A license, under which a token is asked for */
  grant?: string;
  /** A token that is at hand, `@FILE` or `-` */
  token?: string;
  /** File of the key that the token is bound to */
  holderKey?: string;
}

export interface FetchedModel {
  model: string;
  out: string;
  fileDigest: Digest;
  bytes: number;
  resumedAt: number;
}

/** @throws RegistryError as `download` does; `usage`, `not_found`, `forbidden`, and what is wrong with a token */
export async function fetchModel(context: Context, text: string, facts: FetchFacts): Promise<FetchedModel> {
  requireOneWay(facts);
  const model = await findAnyModel(context, text);
  const client = await context.client();
  const { fileDigest, bytes } = await recordedWeights(context, model);
  const path = `/v1/models/${model}/artifact`;
  const token = await tokenFor(context, facts);
  const key = facts.holderKey === undefined ? undefined : await readHolderKey(facts.holderKey);
  const proofs = async (): Promise<Record<string, string>> => {
    if (token === undefined) return {};
    if (key === undefined) return { authorization: `Bearer ${token}` };
    return { authorization: `DPoP ${token}`, dpop: await proveTo(client, key, { method: 'GET', path, token }) };
  };
  const { out } = facts;
  const { resumedAt } = await download(context, client, { path, out, digest: fileDigest, bytes, proofs });
  return { model, out, fileDigest, bytes, resumedAt };
}

function requireOneWay({ grant, token, holderKey }: FetchFacts): void {
  if (grant !== undefined && token !== undefined) {
    throw new RegistryError('usage', 'A license and a token are two ways to the weights.', {
      field: 'token',
      fix: 'Name one of them.',
    });
  }
  if (holderKey === undefined || grant !== undefined || token !== undefined) return;
  throw new RegistryError('usage', 'A key without a token opens nothing.', {
    field: 'holder-key',
    fix: 'Name the license (--grant) or the token (--token), too.',
  });
}

async function recordedWeights(context: Context, model: string): Promise<RegistrationBody['weights']> {
  const client = await context.client();
  const { statement } = await client.get<ModelView>(`/v1/models/${model}`);
  const [spoken] = await checkReceipts(context, [await client.get<Receipt>(`/v1/receipts/${statement}`)]);
  const { common, body } = spoken as Spoken<RegistrationBody>;
  if (common.id === model) return body.weights;
  throw new RegistryError('proof_invalid', `The signed record is not the one of the model ${model}.`);
}

/** Undefined for who goes by its API key alone. */
async function tokenFor(context: Context, { grant, token, holderKey }: FetchFacts): Promise<string | undefined> {
  if (token !== undefined) return readSecret(token, context.io);
  if (grant === undefined) return undefined;
  const audience = await issuerOf(await context.client());
  const wish = { grant, audience, ...(holderKey === undefined ? {} : { holderKey }) };
  return (await issueToken(context, wish)).access_token;
}
