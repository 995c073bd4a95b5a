/** What is asked and done about issued tokens: whether they count, what is on record about them, and their end. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import type { Revoke } from '../licenses/index.ts';
import { GrantService, readerOf } from '../licenses/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { judge } from '../platform/auth/index.ts';
import { endOf, GenuineTokens } from './genuine-tokens.ts';
import { Refusals } from './refusals.ts';
import { TokenBatches } from './token-batches.ts';
import type { Introspection, TokenView } from './token.schema.ts';
import { scopeOf, tokenTypeOf } from './token.schema.ts';
import type { Standing } from './token.store.ts';
import { findToken } from './token.store.ts';

@Injectable()
export class TokenService {
  constructor(
    private readonly tokens: GenuineTokens,
    private readonly licenses: GrantService,
    private readonly batches: TokenBatches,
    private readonly refusals: Refusals,
    private readonly database: DataSource,
  ) {}

  /**
   * RFC 7662: who presents the genuine token may ask, since a resource server is seldom a side of the grant, and what it
   * is told stands in the token that it holds. Whatever is wrong with a token, the answer is the same (§2.2).
   */
  async introspect(server: Principal, token: string): Promise<Introspection> {
    judge(server, 'read');
    const known = await this.tokens.counting(token, (error) =>
      this.refusals.note('introspect', error, { client: server }),
    );
    if (known === undefined) return { active: false };
    const { claims, standing } = known;
    const { disputed } = standing;
    return { active: true, token_type: tokenTypeOf(claims), scope: scopeOf(claims), disputed, ...claims };
  }

  /**
   * RFC 7009: after this the token is not valid. One that is not valid already needs nothing, unless it would be again when
   * its grant is resumed.
   * @throws RegistryError `scope_missing`, `forbidden` for a client that is no side of the token's grant
   */
  async revokePresented(client: Principal, token: string): Promise<void> {
    judge(client, 'tokens:issue');
    const refused = (error: RegistryError) => this.refusals.note('revoke', error, { client });
    const known = await this.tokens.counting(token, refused, 'suspended');
    if (known === undefined) return;
    const { standing } = known;
    if (!isSide(client, standing)) throw new RegistryError('forbidden', 'The token was issued to another client.');
    try {
      await this.licenses.endToken(client, standing.jti, standing.grant);
    } catch (error) {
      // Somebody else ended it in the same moment.
      if (!(error instanceof RegistryError && error.code === 'state_conflict')) throw error;
    }
  }

  /** @throws RegistryError `not_found`, also for a token between other parties */
  async revoke(principal: Principal, jti: string, write: Revoke, idempotency: Idempotency): Promise<Receipt> {
    const { grant } = await this.#find(principal, jti, { owners: true });
    return this.licenses.revokeToken(principal, { jti, grant }, write, idempotency);
  }

  /** @throws RegistryError `not_found`, also for a token between other parties */
  async get(principal: Principal, jti: string): Promise<TokenView> {
    const standing = await this.#find(principal, jti, { owners: false });
    const { grant, licensor, licensee, kid, issuedAt, expiresAt, revocation, disputed } = standing;
    const now = new Date();
    const expired = now.getTime() >= expiresAt * 1000;
    return {
      jti,
      grant,
      licensor,
      licensee,
      kid,
      issuedAt: new Date(issuedAt * 1000).toISOString(),
      expiresAt: new Date(expiresAt * 1000).toISOString(),
      // What was revoked stays so, whatever its time would have done.
      state: revocation !== null ? 'revoked' : expired ? 'expired' : (endOf(standing, now) ?? 'active'),
      disputed,
      revocation,
      issuance: await this.batches.prove(standing),
    };
  }

  async #find(principal: Principal, jti: string, also: { owners: boolean }): Promise<Standing> {
    const found = await findToken(this.database.manager, readerOf(principal), jti, also);
    if (found === undefined) throw new RegistryError('not_found', `There is no token ${jti}.`, { field: 'jti' });
    return found;
  }
}

const isSide = ({ partyId, roles }: Principal, { licensor, licensee }: Standing): boolean =>
  roles.length > 0 || partyId === licensor || partyId === licensee;
