/**
 * Licenses: terms that an owner offers on a model or dataset, to anybody who asks. A license never changes; another one
 * replaces it, and what was granted under it stays what it was. Withdrawn or replaced it serves no new grant.
 *
 * Everything about it is public: whoever wants a grant reads first what it is worth.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { licenseTermsSchema, requireCoherent } from '../licensing/license-terms.ts';
import { digest, form, id, urn } from '../statement/statement.ts';
import { asset, assetKey, needAsset } from './instrument.ts';
import type { Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import { requireLicense } from './registration.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';
import { heldBy } from './title.ts';

const shape = {
  asset,
  name: z.string().min(1).max(200).describe('By which people speak of it'),
  expression: z.string().max(1000).describe('SPDX license expression'),
  textDigest: digest.nullable().describe('Of the license text; required for a LicenseRef-*'),
  terms: licenseTermsSchema,
  despite: z
    .string()
    .min(1)
    .max(1000)
    .optional()
    .describe('Why it is offered though it grants what the license of an ancestor blocks'),
  replaces: id('license').nullable().describe('The earlier version, which serves no new grant from then on'),
};

const licenseForm = form('license', shape, ({ id }, { asset, textDigest }) => [
  urn(id),
  urn(asset),
  ...(textDigest === null ? [] : [{ name: 'text', digest: textDigest }]),
]);
export type LicenseBody = z.infer<typeof licenseForm.body>;

export const license = kind(licenseForm, {
  aboutTitle: true,
  reads: ({ common, body }): RowKey[] => [
    ['license', common.id],
    assetKey(body.asset),
    ['title', body.asset, common.maker],
    ...(body.replaces === null ? [] : [['license', body.replaces] as const]),
  ],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'license', common.id);
    requireBasis(spoken, needAsset(rows, body.asset));
    requireOwner(spoken, rows, body.asset);
    requireLicense(body, '');
    requireCoherent(body.expression, body.terms);
    const row = {
      id: common.id,
      assetId: body.asset,
      licensor: common.maker,
      document: body,
      version: 1,
      endedIndex: null,
      ...place,
    };
    if (body.replaces === null) return [put('license', row)];
    const before = standingLicense(rows, body.replaces, 'replaces');
    requireBasis(spoken, before);
    if (before.assetId !== body.asset) {
      throw new RegistryError('invalid_input', `${before.id} is a license on another asset.`, { field: 'replaces' });
    }
    return [
      put('license', { ...before, endedIndex: place.recordedIndex }),
      put('license', { ...row, version: before.version + 1 }),
    ];
  },
});

const withdrawalShape = { license: id('license'), reason: z.string().max(500) };

const withdrawalForm = form('license-withdrawal', withdrawalShape, (_, { license }) => [urn(license)]);
export type LicenseWithdrawalBody = z.infer<typeof withdrawalForm.body>;

export const licenseWithdrawal = kind(withdrawalForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows) => {
    const row = rows.get('license', body.license);
    return [['license', body.license], ...(row === undefined ? [] : [['title', row.assetId, common.maker] as const])];
  },
  judge(spoken, rows, place) {
    const row = standingLicense(rows, spoken.body.license, 'license');
    requireOwner(spoken, rows, row.assetId);
    requireBasis(spoken, row);
    return [put('license', { ...row, endedIndex: place.recordedIndex })];
  },
});

/** A license that still serves new grants. @throws RegistryError `not_found`, `state_conflict` */
export function standingLicense(rows: Rows, licenseId: string, field: string): Tables['license'] {
  const row = need(rows, 'license', licenseId, field);
  if (row.endedIndex === null) return row;
  throw new RegistryError('state_conflict', `The license ${licenseId} was replaced or withdrawn.`, {
    field,
    fix: 'Read which licenses are offered now.',
  });
}

function requireOwner({ common }: Spoken, rows: Rows, assetId: string): void {
  if (heldBy(rows, assetId, common.maker).num > 0n) return;
  throw new RegistryError('forbidden', `Only an owner of ${assetId} offers licenses on it, or withdraws them.`, {
    field: 'maker',
  });
}
