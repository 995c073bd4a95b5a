/** A model's registration, put together from its file and from what its owner says, and signed here. */
import { formatDigest } from '../core/digest.ts';
import { DIGEST_PATTERN } from '../core/digest.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { isLicenseRef, licenseIds } from '../core/licensing/expression.ts';
import { withContributors } from '../core/registry/contributor.ts';
import { RELATIONS } from '../core/licensing/relations.ts';
import { registration as kind } from '../core/registry/registration.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context, PartyView, Session } from './context.ts';
import { findContributors, findDataset, findOwners } from './find.ts';
import { hashModel } from './hash-model.ts';
import { readBytes } from './settings.ts';
import { write } from './sign.ts';
import type { DatasetView, RegistrationBody } from './views.ts';

export interface ModelFacts {
  name: string;
  owner: string[];
  license: string;
  licenseText?: string;
  parent?: string[];
  dataset?: string[];
  contributor?: string[];
  upload?: boolean;
}

/** @throws RegistryError `usage`, `shares_invalid`, `license_unknown`, `not_found`, `unreachable`, `malformed_container` */
export async function describeModel(
  context: Context,
  { client, me }: Session,
  path: string,
  facts: ModelFacts,
): Promise<RegistrationBody> {
  const parents = (facts.parent ?? []).map(splitParent);
  const license = await licenseOf(facts);
  const hashed = await hashModel(context.io, path);
  if (facts.upload === true && hashed.files > 1) {
    throw new RegistryError('usage', `The model has ${hashed.files} files; the registry stores models of one.`, {
      field: 'upload',
      fix: 'Register it without --upload.',
    });
  }
  const owners = await findOwners(client, facts.owner);
  const contributors = await findContributors(client, facts.contributor ?? []);
  const datasets: string[] = [];
  for (const text of facts.dataset ?? []) datasets.push((await findDataset(client, text, me.party.id)).id);
  const { fileDigest, weightDigest, namelessDigest, container, bytes, tensors, parameters } = hashed;
  const weights = { fileDigest, weightDigest, namelessDigest, container, bytes, tensors, parameters };
  const body = { name: facts.name, weights, owners, license, run: null, datasets, parents };
  return withContributors(body, contributors);
}

/** Names in its basis the records of every owner, dataset and run that it speaks of. */
export async function registerModel(
  context: Context,
  session: Session,
  body: RegistrationBody,
  runStatement?: Digest,
): Promise<Receipt> {
  const { client } = session;
  const [owners, datasets] = await Promise.all([
    Promise.all(body.owners.map(({ party }) => client.get<PartyView>(`/v1/parties/${party}`))),
    Promise.all(body.datasets.map((id) => client.get<DatasetView>(`/v1/datasets/${id}`))),
  ]);
  const basis = [...owners, ...datasets].map(({ statement }) => statement);
  if (runStatement !== undefined) basis.push(runStatement);
  // A statement names at most 100; of the owners none has to be among them.
  const named = basis.length > 100 ? basis.slice(owners.length) : basis;
  return write(context, session, { kind, path: '/v1/models', body, basis: named });
}

export async function licenseOf({
  license,
  licenseText,
}: Pick<ModelFacts, 'license' | 'licenseText'>): Promise<RegistrationBody['license']> {
  if (licenseIds(license, 'license').some(isLicenseRef) && licenseText === undefined) {
    throw new RegistryError('license_unknown', `${license} is not on the SPDX list and comes without a text.`, {
      field: 'license',
      fix: 'Name the file of its text with --license-text FILE.',
    });
  }
  const textDigest = licenseText === undefined ? null : formatDigest(sha256(await readBytes(licenseText)));
  return { expression: license, textDigest };
}

/** `DIGEST=RELATION`. @throws RegistryError `usage` */
export function splitParent(text: string): RegistrationBody['parents'][number] {
  const [, bare, relation] = /^(?:sha256:)?([0-9a-f]{64})=([a-z-]+)$/.exec(text) ?? [];
  const digest = `sha256:${bare}`;
  const known = RELATIONS.find((name) => name === relation);
  if (DIGEST_PATTERN.test(digest) && known !== undefined) return { digest: digest as Digest, relation: known };
  throw new RegistryError('usage', `"${text.slice(0, 120)}" names no parent and relation.`, {
    field: 'parent',
    fix: `Write DIGEST=RELATION, with one of ${RELATIONS.join(', ')}.`,
  });
}
