/**
 * Making and revoking API keys. A party with a signing key draws the secret here and sends its digest alone; for the
 * others the registry draws it and tells it once.
 */
import { randomBytes } from 'node:crypto';
import { utf8 } from '../core/bytes.ts';
import type { Digest } from '../core/digest.ts';
import { formatDigest } from '../core/digest.ts';
import { apiKey, apiKeyRevocation } from '../core/registry/api-key.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { newId, sha256 } from '../platform/crypto.ts';
import type { Context, PartyView, Session } from './context.ts';
import { write } from './sign.ts';
import { checkReceipts } from './verify.ts';

/** What a key may do where nobody says less. */
export const EVERY_SCOPE = [
  'read',
  'parties:write',
  'datasets:write',
  'runs:write',
  'models:write',
  'titles:write',
  'licenses:write',
  'webhooks:write',
  'tokens:issue',
  'usage:write',
];

export async function createApiKey(
  context: Context,
  session: Session,
  party: string,
  { label, scopes = EVERY_SCOPE, expiresAt }: { label: string; scopes?: string[]; expiresAt: string | null },
): Promise<{ key: string; receipt: Receipt }> {
  const path = `/v1/parties/${party}/api-keys`;
  if (session.key === undefined) {
    const made = await session.client.post<{ key: string; receipt: Receipt }>(path, { label, scopes, expiresAt });
    await checkReceipts(context, [made.receipt]);
    return made;
  }
  const id = newId('apikey');
  const secret = randomBytes(32).toString('hex');
  const body = { party, secretDigest: formatDigest(sha256(utf8(secret))), label, scopes, expiresAt };
  const { statement } = await session.client.get<PartyView>(`/v1/parties/${party}`);
  const receipt = await write(context, session, { kind: apiKey, path, id, body, basis: [statement] });
  return { key: `mun_${id.slice('apikey_'.length)}_${secret}`, receipt };
}

export async function revokeApiKey(context: Context, session: Session, id: string, reason: string): Promise<Receipt> {
  const path = `/v1/api-keys/${encodeURIComponent(id)}/revoke`;
  if (session.key === undefined) {
    const receipt = await session.client.post<Receipt>(path, { reason });
    await checkReceipts(context, [receipt]);
    return receipt;
  }
  const basis: Digest[] = [];
  return write(context, session, { kind: apiKeyRevocation, path, body: { apiKey: id, reason }, basis });
}
