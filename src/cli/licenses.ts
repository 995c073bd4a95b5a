/** Grants and revocations, built and signed where the licensor's key is. */
import { canonicalize } from '../core/canonical-json.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { ACTIONS } from '../core/licensing/actions.ts';
import { grant as grantKind, revocation } from '../core/registry/grant.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { findOwnModel } from './find-model.ts';
import { findParty } from './find.ts';
import { instantOf } from './parse.ts';
import { readBytes } from './settings.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';
import type { GrantBody, GrantView } from './views.ts';

export interface GrantFacts {
  model: string;
  to: string;
  action: string[];
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
  const actions = facts.action.map(actionOf);
  const constraints = {
    commercial: facts.commercial === true,
    territory: facts.territory ?? null,
    fieldOfUse: facts.fieldOfUse ?? null,
    maxCalls: facts.maxCalls ?? null,
  };
  const notBefore = facts.from === undefined ? new Date().toISOString() : instantOf(facts.from);
  const expiresAt = facts.until === undefined ? null : instantOf(facts.until);
  const session = await context.session();
  const model = await findOwnModel(context, facts.model);
  const licensee = await findParty(session.client, facts.to);
  // Without a document of their own, the terms are what the grant itself says and the license that the model is under.
  const termsDigest = formatDigest(
    sha256(
      facts.terms === undefined
        ? canonicalize({ license: model.license, actions, constraints, notBefore, expiresAt })
        : await readBytes(facts.terms),
    ),
  );
  const body: GrantBody = {
    registration: model.id,
    licensee: licensee.id,
    actions,
    constraints,
    termsDigest,
    notBefore,
    expiresAt,
  };
  const basis = [model.statement, licensee.statement];
  const receipt = await write(context, session, { kind: grantKind, path: '/v1/grants', body, basis });
  return { body, receipt };
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

/** @throws RegistryError `usage` */
export function actionOf(text: string): GrantBody['actions'][number] {
  const found = ACTIONS.find((action) => action === text);
  if (found !== undefined) return found;
  throw new RegistryError('usage', `"${text}" is not an action.`, {
    field: 'action',
    fix: `Use ${ACTIONS.join(', ')}.`,
  });
}
