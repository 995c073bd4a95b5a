/** Grants and what is done about them, built and signed where the party's key is. */
import { canonicalize } from '../core/canonical-json.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { GrantAct } from '../core/licensing/grant-states.ts';
import { grantAct, grant as grantKind, revocation } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { findOwnModel } from './find-model.ts';
import { findParty } from './find.ts';
import { findLicense } from './license-offers.ts';
import { actionOf, instantOf } from './parse.ts';
import { readBytes } from './settings.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';
import type { GrantBody, GrantView, LicenseView, ModelView } from './views.ts';

const DAY_MS = 86_400_000;

export interface GrantFacts {
  model?: string;
  to?: string;
  action?: string[];
  /** By its id; what is not stated is as it says */
  license?: string;
  /** The grant of which a part is passed on, and the one that is renewed, by their ids; what is not stated is as they say */
  under?: string;
  renews?: string;
  commercial?: boolean;
  territory?: string[];
  fieldOfUse?: string;
  maxCalls?: number;
  seats?: number;
  sublicensing?: boolean;
  terms?: string;
  from?: string;
  until?: string;
  acceptWithin: number;
}

/** Whose terms stand where nothing else is stated. */
interface Source extends Partial<Pick<GrantBody, 'actions' | 'sublicensing'>> {
  readonly constraints?: GrantBody['constraints'];
  readonly expiresAt?: string | null;
  readonly termDays?: number | null;
}

export async function offerGrant(context: Context, facts: GrantFacts): Promise<{ body: GrantBody; receipt: Receipt }> {
  if (facts.license !== undefined && facts.terms !== undefined) {
    throw new RegistryError('usage', 'A grant under a license is on the terms of that.', { field: 'terms' });
  }
  const asked = facts.action?.map(actionOf);
  const session = await context.session();
  const renewed = facts.renews === undefined ? undefined : await findGrant(context, facts.renews);
  const under = facts.under ?? renewed?.parent;
  const parent = under === undefined ? undefined : await findGrant(context, under);
  const licenseId = facts.license ?? renewed?.license;
  const license = licenseId === undefined ? undefined : await findLicense(context, licenseId);
  const source = sourceOf(license, renewed ?? parent);
  const to = facts.to ?? renewed?.licensee ?? missing('to');
  const [model, licensee] = await Promise.all([
    modelOf(context, facts.model ?? license?.asset, renewed ?? parent),
    findParty(session.client, to),
  ]);
  const actions = asked ?? source.actions ?? missing('action');
  const constraints = {
    commercial: facts.commercial ?? source.constraints?.commercial ?? false,
    territory: facts.territory ?? source.constraints?.territory ?? null,
    fieldOfUse: facts.fieldOfUse ?? source.constraints?.fieldOfUse ?? null,
    maxCalls: facts.maxCalls ?? source.constraints?.maxCalls ?? null,
    seats: facts.seats ?? source.constraints?.seats ?? null,
  };
  const notBefore = facts.from === undefined ? (renewed?.expiresAt ?? new Date().toISOString()) : instantOf(facts.from);
  const expiresAt =
    facts.until === undefined ? lastOf(notBefore, source.termDays, parent?.expiresAt) : instantOf(facts.until);
  // Without a document of their own, the terms are what the grant itself says and the license that the model is under.
  const termsDigest =
    license?.statement ??
    formatDigest(
      sha256(
        facts.terms === undefined
          ? canonicalize({ license: model.license, actions, constraints, notBefore, expiresAt })
          : await readBytes(facts.terms),
      ),
    );
  const body: GrantBody = {
    registration: model.id,
    ...(license === undefined ? {} : { license: license.id }),
    ...(parent === undefined ? {} : { parent: parent.id }),
    ...(renewed === undefined ? {} : { renews: renewed.id }),
    licensee: licensee.id,
    actions,
    constraints,
    sublicensing: facts.sublicensing ?? (parent === undefined && (source.sublicensing ?? false)),
    termsDigest,
    notBefore,
    expiresAt,
    acceptBy: new Date(Date.now() + facts.acceptWithin * DAY_MS).toISOString(),
  };
  const basis = [model, licensee, license, parent, renewed].flatMap((each) =>
    each === undefined ? [] : [each.statement],
  );
  const receipt = await write(context, session, { kind: grantKind, path: '/v1/grants', body, basis });
  return { body, receipt };
}

const sourceOf = (license?: LicenseView, grant?: GrantView): Source => {
  if (grant !== undefined) return { ...grant, termDays: license?.terms.termDays ?? null };
  return license === undefined ? {} : { ...license.terms, constraints: license.terms };
};

async function modelOf(context: Context, named: string | undefined, grant?: GrantView): Promise<ModelView> {
  if (grant === undefined) return findOwnModel(context, named ?? missing('model'));
  const client = await context.client();
  return client.get<ModelView>(`/v1/models/${grant.registration}`);
}

/** The end of a license that lasts so many days at most, or as long as the one that it is a part of. */
const lastOf = (notBefore: string, days?: number | null, parentEnds?: string | null): string | null => {
  const ends = [
    ...(days == null ? [] : [new Date(Date.parse(notBefore) + days * DAY_MS).toISOString()]),
    ...(parentEnds == null ? [] : [parentEnds]),
  ];
  return ends.sort()[0] ?? null;
};

function missing(option: 'action' | 'model' | 'to'): never {
  throw new RegistryError('usage', `Without --license, --under or --renews a grant needs --${option}.`, {
    field: option,
  });
}

export async function findGrant(context: Context, id: string): Promise<GrantView> {
  const { client } = await context.session();
  return client.get<GrantView>(`/v1/grants/${encodeURIComponent(id)}`);
}

/** @param effectiveAt of a termination with notice */
export async function actOnGrant(
  context: Context,
  id: string,
  act: GrantAct,
  { reason = '', effectiveAt = null }: { reason?: string; effectiveAt?: string | null } = {},
): Promise<Receipt> {
  const session = await context.session();
  const path = `/v1/grants/${encodeURIComponent(id)}/acts`;
  const said = { act, reason, effectiveAt };
  if (session.key === undefined) {
    const receipt = await session.client.post<Receipt>(path, said);
    await checkReceipts(context, [receipt]);
    return receipt;
  }
  const { statement, licensee, licensor } = await findGrant(context, id);
  const body = { grant: id, licensor, licensee, ...said };
  return write(context, session, { kind: grantAct, path, body, basis: [statement] });
}

/** Ends one token under a grant. */
export async function endToken(context: Context, grant: string, token: string, reason: string): Promise<Receipt> {
  const session = await context.session();
  const path = `/v1/tokens/${token}/revoke`;
  if (session.key === undefined) {
    const receipt = await session.client.post<Receipt>(path, { reason });
    await checkReceipts(context, [receipt]);
    return receipt;
  }
  const { statement, licensee, licensor } = await findGrant(context, grant);
  const body = { grant, licensor, licensee, token, reason };
  return write(context, session, { kind: revocation, path, body, basis: [statement] });
}
