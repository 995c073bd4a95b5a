/**
 * Tells who shows an API key, `mun_<id>_<secret>`. Only the digest of the secret is stored, and digests are compared in
 * constant time. A key that is unknown, wrong, expired or revoked gets the same answer, so nobody can probe for ids.
 *
 * Every request asks the database, so a revocation counts at once; requests that arrive together ask together.
 */
import { timingSafeEqual } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { utf8 } from '../core/bytes.ts';
import { parseDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Authenticator, Principal } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import type { ApiKeyRow } from './party.store.ts';
import { findApiKeys } from './party.store.ts';

const TOKEN = /^mun_([0-9a-hjkmnp-tv-z]{26})_([0-9a-f]{64})$/;
const UNKNOWN_DIGEST = `sha256:${'0'.repeat(64)}`;

export const API_KEY_KIND = 'apikey';

export const formatApiKey = (id: string, secret: string): string =>
  `mun_${id.slice(API_KEY_KIND.length + 1)}_${secret}`;

export class ApiKeyAuthenticator implements Authenticator {
  #asked: { ids: string[]; answer: Promise<Map<string, ApiKeyRow>> } | undefined;

  constructor(
    private readonly manager: EntityManager,
    private readonly now: () => Date,
  ) {}

  async authenticate(token: string): Promise<Principal> {
    const match = TOKEN.exec(token);
    const id = `${API_KEY_KIND}_${match?.[1] ?? ''}`;
    const row = match ? await this.#find(id) : undefined;
    const digest = parseDigest(row?.secretDigest ?? UNKNOWN_DIGEST);
    const right = timingSafeEqual(sha256(utf8(match?.[2] ?? '')), digest);
    const expired = row?.expiresAt != null && row.expiresAt <= this.now().toISOString();
    if (!row || !right || expired || row.revoked) {
      throw new RegistryError('unauthenticated', 'The API key is not valid.', {
        fix: 'Ask the registrar for a new key, or make one with "muniment party key".',
      });
    }
    return { partyId: row.partyId, apiKeyId: row.id, scopes: row.scopes, roles: row.roles };
  }

  async #find(id: string): Promise<ApiKeyRow | undefined> {
    if (this.#asked === undefined) {
      const ids: string[] = [];
      const answer = new Promise<void>((resolve) => setImmediate(resolve)).then(async () => {
        this.#asked = undefined;
        return new Map((await findApiKeys(this.manager, ids)).map((row) => [row.id, row]));
      });
      this.#asked = { ids, answer };
    }
    this.#asked.ids.push(id);
    return (await this.#asked.answer).get(id);
  }
}
