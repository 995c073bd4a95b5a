/**
 * Grants: a license on one registered model, given by one of its owners to one licensee. License tokens are issued under
 * a grant; revoking the grant ends them all, revoking a token ends that one.
 *
 * Owners revoke both, whichever of them gave the grant; who owns nothing any more does not. A single token may also be
 * given up by its licensee, whose program may have leaked it, and be ended by the registry, which issued it and acts on
 * what a program with the licensee's API key asks.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { ACTIONS } from '../licensing/actions.ts';
import { requireWithin } from '../licensing/license-terms.ts';
import { digest, form, id, instant, urn } from '../statement/statement.ts';
import { dateOf } from '../title/dates.ts';
import { isRegistry } from './authority.ts';
import { requireNoExclusive } from './in-force.ts';
import type { LicenseBody } from './license.ts';
import { standingLicense } from './license.ts';
import type { Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { RowKey, Tables } from './tables.ts';
import { put } from './tables.ts';
import { heldBy, interestReads, standingExclusive } from './title.ts';

const grantShape = {
  registration: id('registration'),
  license: id('license').optional().describe('Whose terms it is given under; it gives no more than these'),
  licensee: id('party'),
  actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
  constraints: z.strictObject({
    commercial: z.boolean(),
    territory: z
      .array(z.string().regex(/^[A-Z]{2}$/, 'must be ISO 3166-1 alpha-2'))
      .max(250)
      .nullable(),
    fieldOfUse: z.string().max(500).nullable(),
    maxCalls: z.int().positive().nullable(),
  }),
  termsDigest: digest.describe(
    'Of the agreed terms; under a license, the payload digest of the statement that offers it',
  ),
  notBefore: instant,
  expiresAt: instant.nullable(),
};

const grantForm = form('grant', grantShape, ({ id }) => [urn(id)]);
export type GrantBody = z.infer<typeof grantForm.body>;

export const grant = kind(grantForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows): RowKey[] => [
    ['license_grant', common.id],
    ['registration', body.registration],
    ['party', body.licensee],
    ...(body.license === undefined ? [] : [['license', body.license] as const]),
    ['title', body.registration, common.maker],
    ['asset_terms', body.registration],
    ...interestReads(rows.get('asset_terms', body.registration)?.exclusive),
  ],
  readers: ({ licensee }) => [licensee],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'license_grant', common.id);
    const registration = need(rows, 'registration', body.registration, 'registration');
    need(rows, 'party', body.licensee, 'licensee');
    requireOwner(spoken, rows, registration.id);
    requireBasis(spoken, registration);
    if (body.license !== undefined) requireUnder(spoken, body.license, rows);
    const { actions, constraints } = body;
    const others = standingExclusive(rows, registration.id, dateOf(common.statedAt)).filter(
      ({ holder }) => holder !== body.licensee,
    );
    requireNoExclusive(others, { actions, ...constraints });
    if (body.expiresAt !== null && body.expiresAt <= body.notBefore) {
      throw new RegistryError('invalid_input', 'The grant ends before it begins.', { field: 'expiresAt' });
    }
    return [
      put('license_grant', {
        id: common.id,
        registrationId: registration.id,
        licensor: common.maker,
        licensee: body.licensee,
        document: body,
        revokedIndex: null,
        ...place,
      }),
    ];
  },
});

function requireUnder(spoken: Spoken<GrantBody>, licenseId: string, rows: Rows): void {
  const { body } = spoken;
  const offered = standingLicense(rows, licenseId, 'license');
  if (offered.assetId !== body.registration) {
    throw new RegistryError('invalid_input', `${licenseId} is a license on another model.`, { field: 'license' });
  }
  requireBasis(spoken, offered);
  if (body.termsDigest !== offered.statement) {
    throw new RegistryError('digest_mismatch', `The terms are not those of ${licenseId}.`, {
      field: 'termsDigest',
      fix: `Give ${offered.statement}.`,
    });
  }
  requireWithin(body, (offered.document as LicenseBody).terms);
}

function requireOwner(spoken: Spoken, rows: Rows, registrationId: string): void {
  if (heldBy(rows, registrationId, spoken.common.maker).num === 0n) {
    throw new RegistryError('forbidden', `Only an owner of ${registrationId} gives licenses on it, or revokes them.`, {
      field: 'maker',
    });
  }
}

const revocationShape = {
  grant: id('grant'),
  licensor: id('party').describe("The grant's"),
  licensee: id('party').describe("The grant's"),
  token: id('token').nullable().describe('The `jti` of one token; null revokes the whole grant'),
  reason: z.string().max(500),
};

const revocationForm = form('revocation', revocationShape, (_, { grant }) => [urn(grant)]);
export type RevocationBody = z.infer<typeof revocationForm.body>;

export const revocation = kind(revocationForm, {
  aboutTitle: true,
  reads: ({ body, common }, rows) => {
    const row = rows.get('license_grant', body.grant);
    return [
      ['license_grant', body.grant],
      ...(body.token === null ? [] : [['token_revocation', body.token] as const]),
      ...(row === undefined ? [] : [['title', row.registrationId, common.maker] as const]),
    ];
  },
  readers: ({ licensor, licensee }) => [licensor, licensee],
  judge(spoken, rows, place) {
    const { body } = spoken;
    const row = need(rows, 'license_grant', body.grant, 'grant');
    for (const side of ['licensor', 'licensee'] as const) {
      if (body[side] === row[side]) continue;
      throw new RegistryError('invalid_input', `The ${side} of ${row.id} is another party.`, { field: side });
    }
    if (!mayEnd(spoken, rows, row)) requireOwner(spoken, rows, row.registrationId);
    requireBasis(spoken, row);
    if (row.revokedIndex !== null) {
      throw new RegistryError('state_conflict', `The grant ${row.id} is revoked already.`, { field: 'grant' });
    }
    if (body.token === null) return [put('license_grant', { ...row, revokedIndex: place.recordedIndex })];
    if (rows.get('token_revocation', body.token) !== undefined) {
      throw new RegistryError('state_conflict', `The token ${body.token} is revoked already.`, { field: 'token' });
    }
    return [put('token_revocation', { jti: body.token, grantId: row.id, ...place })];
  },
});

/** Whether the maker may revoke without being an owner. */
function mayEnd({ common, body }: Spoken<RevocationBody>, rows: Rows, { licensee }: Tables['license_grant']) {
  if (body.token === null) return false;
  return common.maker === licensee || isRegistry(need(rows, 'party', common.maker, 'maker'));
}
