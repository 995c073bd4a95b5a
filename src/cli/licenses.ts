/** Grants and revocations, built and signed where the licensor's key is. */
import { canonicalize } from '../core/canonical-json.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { grant as grantKind, revocation } from '../core/registry/grant.ts';
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
import type { GrantBody, GrantView } from './views.ts';

export interface GrantFacts {
  model?: string;
  to: string;
  action?: string[];
  /** By its id; what is not stated is as it says */
  license?: string;
  commercial?: boolean;
  territory?: string[];
  fieldOfUse?: string;
  maxCalls?: number;
  terms?: string;
  from?: string;
  until?: string;
}

export async function grantLicense(
  context: Context,
  facts: GrantFacts,
): Promise<{ body: GrantBody; receipt: Receipt }> {
  if (facts.license !== undefined && facts.terms !== undefined) {
    throw new RegistryError('usage', 'A grant under a license is on the terms of that.', { field: 'terms' });
  }
  const asked = facts.action?.map(actionOf);
  const session = await context.session();
  const under = facts.license === undefined ? undefined : await findLicense(context, facts.license);
  const [model, licensee] = await Promise.all([
    findOwnModel(context, facts.model ?? under?.asset ?? missing('model')),
    findParty(session.client, facts.to),
  ]);
  const actions = asked ?? under?.terms.actions ?? missing('action');
  const constraints = {
    commercial: facts.commercial ?? under?.terms.commercial ?? false,
    territory: facts.territory ?? under?.terms.territory ?? null,
    fieldOfUse: facts.fieldOfUse ?? under?.terms.fieldOfUse ?? null,
    maxCalls: facts.maxCalls ?? under?.terms.maxCalls ?? null,
  };
  const notBefore = facts.from === undefined ? new Date().toISOString() : instantOf(facts.from);
  const expiresAt = facts.until === undefined ? lastOf(notBefore, under?.terms.termDays) : instantOf(facts.until);
  // Without a document of their own, the terms are what the grant itself says and the license that the model is under.
  const termsDigest =
    under?.statement ??
    formatDigest(
      sha256(
        facts.terms === undefined
          ? canonicalize({ license: model.license, actions, constraints, notBefore, expiresAt })
          : await readBytes(facts.terms),
      ),
    );
  const body: GrantBody = {
    registration: model.id,
    ...(under === undefined ? {} : { license: under.id }),
    licensee: licensee.id,
    actions,
    constraints,
    termsDigest,
    notBefore,
    expiresAt,
  };
  const basis = [model.statement, licensee.statement, ...(under === undefined ? [] : [under.statement])];
  const receipt = await write(context, session, { kind: grantKind, path: '/v1/grants', body, basis });
  return { body, receipt };
}

/** The end of a license that lasts so many days at most. */
const lastOf = (notBefore: string, days: number | null = null): string | null =>
  days === null ? null : new Date(Date.parse(notBefore) + days * 86_400_000).toISOString();

function missing(option: 'action' | 'model'): never {
  throw new RegistryError('usage', `Without --license a grant needs --${option}.`, { field: option });
}

/** Revokes a whole grant, or with `token` one token under it. */
export async function revokeGrant(
  context: Context,
  id: string,
  reason: string,
  token: string | null = null,
): Promise<Receipt> {
  const session = await context.session();
  const path = token === null ? `/v1/grants/${encodeURIComponent(id)}/revoke` : `/v1/tokens/${token}/revoke`;
  if (session.key === undefined) {
    const receipt = await session.client.post<Receipt>(path, { reason });
    await checkReceipts(context, [receipt]);
    return receipt;
  }
  const { statement, licensee, licensor } = await session.client.get<GrantView>(`/v1/grants/${encodeURIComponent(id)}`);
  const body = { grant: id, licensor, licensee, token, reason };
  return write(context, session, { kind: revocation, path, body, basis: [statement] });
}
