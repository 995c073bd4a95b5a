/**
 * Grants: a license on one registered model, offered by one of its owners to one licensee, who accepts it. License
 * tokens are issued under a grant. Where it allows that, its licensee passes parts of it on, by grants that name it as
 * their parent. What is done about a grant later stands in grant-act.ts.
 */
import { z } from 'zod';
import { RegistryError } from '../errors.ts';
import { ACTIONS } from '../licensing/actions.ts';
import type { GrantLife } from '../licensing/grant-states.ts';
import { grantStateAt, inWords } from '../licensing/grant-states.ts';
import { requireWithinGrant, requireWithinTerms } from '../licensing/license-terms.ts';
import { digest, form, id, instant, urn } from '../statement/statement.ts';
import { dateOf } from '../title/dates.ts';
import { territorySchema } from '../title/terms.ts';
import { requireNoExclusive } from './in-force.ts';
import type { Rows, Spoken } from './kind.ts';
import { kind, need, requireBasis, requireNew } from './kind.ts';
import type { LicenseBody } from './license.ts';
import { standingLicense } from './license.ts';
import type { RowKey } from './row-keys.ts';
import type { Tables } from './tables.ts';
import { put } from './tables.ts';
import { heldBy, interestReads, standingExclusive } from './title.ts';

/** Grants above a sub-license at most; all of them are looked at for each of its tokens. */
const MAX_ABOVE = 8;

const grantShape = {
  registration: id('registration'),
  license: id('license').optional().describe('Whose terms it is given under; it gives no more than these'),
  parent: id('grant').optional().describe("The maker's own grant, of which this passes a part on: a sub-license"),
  renews: id('grant').optional().describe('The grant to the same licensee that this one goes on from'),
  licensee: id('party'),
  actions: z.array(z.enum(ACTIONS)).min(1).max(ACTIONS.length),
  constraints: z.strictObject({
    commercial: z.boolean(),
    territory: territorySchema,
    fieldOfUse: z.string().min(1).max(500).nullable(),
    maxCalls: z.int().positive().nullable(),
    seats: z.int().positive().max(1_000_000).nullable().describe('Holders at one time; null for any number'),
  }),
  sublicensing: z.boolean().describe('Whether the licensee may pass parts of it on'),
  termsDigest: digest.describe(
    'Of the agreed terms; under a license, the payload digest of the statement that offers it',
  ),
  notBefore: instant,
  expiresAt: instant.nullable(),
  acceptBy: instant.describe('When the offer lapses, unless the licensee has accepted it'),
};

const grantForm = form('grant', grantShape, ({ id }) => [urn(id)]);
export type GrantBody = z.infer<typeof grantForm.body>;
type GrantRow = Tables['license_grant'];

export const grant = kind(grantForm, {
  aboutTitle: true,
  reads: ({ common, body }, rows): RowKey[] => [
    ['license_grant', common.id],
    ['registration', body.registration],
    ['party', body.licensee],
    ...(body.license === undefined ? [] : [['license', body.license] as const]),
    ...(body.renews === undefined ? [] : [['license_grant', body.renews] as const]),
    ...groundReads(body, common.maker, rows),
  ],
  readers: ({ licensee }) => [licensee],
  judge(spoken, rows, place) {
    const { common, body } = spoken;
    requireNew(rows, 'license_grant', common.id);
    const registration = need(rows, 'registration', body.registration, 'registration');
    need(rows, 'party', body.licensee, 'licensee');
    requireBasis(spoken, registration);
    requireTerm(spoken);
    requireGround(rows, { ...body, licensor: common.maker, at: common.statedAt });
    const parent = body.parent === undefined ? undefined : need(rows, 'license_grant', body.parent, 'parent');
    if (parent !== undefined) requireBasis(spoken, parent);
    if (body.license !== undefined) requireUnder(spoken, body.license, rows);
    if (body.renews !== undefined) requireRenewable(spoken, need(rows, 'license_grant', body.renews, 'renews'), parent);
    return [
      put('license_grant', {
        id: common.id,
        registrationId: registration.id,
        licensor: common.maker,
        licensee: body.licensee,
        document: body,
        above: parent === undefined ? [] : [...parent.above, parent.id],
        stage: 'offered',
        expiresAt: body.expiresAt,
        endsAt: null,
        suspendedBy: null,
        renewedBy: null,
        changedIndex: place.recordedIndex,
        ...place,
      }),
    ];
  },
});

/** The rows that `requireGround` looks at. */
export function groundReads(
  { registration, parent }: Pick<GrantBody, 'parent' | 'registration'>,
  licensor: string,
  rows: Rows,
): RowKey[] {
  const above = parent === undefined ? [] : [...(rows.get('license_grant', parent)?.above ?? []), parent];
  return [
    ['title', registration, licensor],
    ['asset_terms', registration],
    ...interestReads(rows.get('asset_terms', registration)?.exclusive),
    ...above.map((id) => ['license_grant', id] as const),
  ];
}

interface Ground extends GrantBody {
  readonly licensor: string;
  /** An instant */
  readonly at: string;
}

/**
 * The licensor can give what it gives: it owns a share of the model, or has a grant that it may pass on; and no
 * exclusive license of somebody else stands in the way.
 */
export function requireGround(rows: Rows, { licensor, at, ...body }: Ground): void {
  if (body.parent === undefined) requireOwner(rows, body.registration, licensor, 'maker');
  else requirePart(rows, { licensor, at, ...body }, need(rows, 'license_grant', body.parent, 'parent'));
  const others = standingExclusive(rows, body.registration, dateOf(at)).filter(
    ({ holder }) => holder !== body.licensee && !(body.parent !== undefined && holder === licensor),
  );
  requireNoExclusive(others, { actions: body.actions, ...body.constraints });
}

function requirePart(rows: Rows, { licensor, at, ...body }: Ground, parent: GrantRow): void {
  if (parent.licensee !== licensor) {
    throw new RegistryError('forbidden', 'Only its licensee passes a grant on.', { field: 'parent' });
  }
  if (parent.registrationId !== body.registration) {
    throw new RegistryError('invalid_input', `${parent.id} is a grant on another model.`, { field: 'parent' });
  }
  if (parent.above.length === MAX_ABOVE) {
    throw new RegistryError('grant_too_wide', `A license is passed on ${MAX_ABOVE} times at most.`, {
      field: 'parent',
      fix: 'Ask a licensee further up for a grant.',
    });
  }
  const state = grantStateAt(lifeOf(parent), at, livesAbove(rows, parent));
  if (state !== 'active' && state !== 'not-yet-valid') {
    throw new RegistryError('state_conflict', `The grant ${parent.id} is ${inWords(state)}.`, { field: 'parent' });
  }
  requireWithinGrant(body, parent.document as GrantBody);
}

export const lifeOf = ({ document, stage, expiresAt, endsAt }: GrantRow): GrantLife => {
  const { acceptBy, notBefore } = document as GrantBody;
  return { stage, acceptBy, notBefore, expiresAt, endsAt };
};

export const livesAbove = (rows: Rows, { above }: GrantRow): GrantLife[] =>
  above.map((id) => lifeOf(need(rows, 'license_grant', id, 'parent')));

function requireTerm({ common, body }: Spoken<GrantBody>): void {
  if (body.expiresAt !== null && body.expiresAt <= body.notBefore) {
    throw new RegistryError('invalid_input', 'The grant ends before it begins.', { field: 'expiresAt' });
  }
  if (body.acceptBy <= common.statedAt) {
    throw new RegistryError('invalid_input', 'The offer has lapsed when it is made.', { field: 'acceptBy' });
  }
}

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
  requireWithinTerms(body, (offered.document as LicenseBody).terms);
}

/**
 * A renewal goes on from where the earlier grant ends, without a gap; that of a sub-license under the same grant, or under
 * the one that renews that.
 */
function requireRenewable(spoken: Spoken<GrantBody>, earlier: GrantRow, parent: GrantRow | undefined): void {
  const { body } = spoken;
  requireBasis(spoken, earlier);
  const { parent: above, expiresAt } = earlier.document as GrantBody;
  const isUnderSame = body.parent === above || (above !== undefined && documentOf(parent)?.renews === above);
  if (earlier.registrationId !== body.registration || earlier.licensee !== body.licensee || !isUnderSame) {
    throw new RegistryError('invalid_input', `${earlier.id} is another license, or another party's.`, {
      field: 'renews',
    });
  }
  requireRenewed(earlier);
  const goesOn = expiresAt !== null && body.notBefore <= expiresAt;
  if (goesOn && (body.expiresAt === null || body.expiresAt > expiresAt)) return;
  throw new RegistryError('invalid_input', 'A renewal begins before the earlier grant ends, and ends after it.', {
    field: 'renews',
    fix: expiresAt === null ? 'The earlier grant has no end.' : `The earlier grant ends at ${expiresAt}.`,
  });
}

const documentOf = (row: GrantRow | undefined): GrantBody | undefined => row?.document as GrantBody | undefined;

/** @throws RegistryError `state_conflict` for a grant that cannot be renewed, or was */
export function requireRenewed({ id, stage, endsAt, renewedBy }: GrantRow): void {
  if (renewedBy !== null) {
    throw new RegistryError('state_conflict', `The grant ${id} was renewed by ${renewedBy}.`, { field: 'renews' });
  }
  if (endsAt !== null || (stage !== 'accepted' && stage !== 'suspended')) {
    throw new RegistryError('state_conflict', `The grant ${id} is not in force.`, { field: 'renews' });
  }
}

/** @throws RegistryError `forbidden` */
export function requireOwner(rows: Rows, registrationId: string, party: string, field: string): void {
  if (heldBy(rows, registrationId, party).num > 0n) return;
  throw new RegistryError('forbidden', `Only an owner of ${registrationId} gives licenses on it, or ends them.`, {
    field,
  });
}
