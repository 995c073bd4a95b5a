/** Grants: licenses on a model given to one licensee, and their end. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import type { GrantBody } from '../core/registry/grant.ts';
import { grant, revocation } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import type { GrantState, Revoke } from './grant.schema.ts';
import type { GrantRow, Reader } from './grant.store.ts';
import { findGrant, findSides, listGrants } from './grant.store.ts';

export type GrantView = GrantRow & { state: GrantState };

/** What is revoked: one token, or with `token: null` the whole grant. */
export interface Revoked {
  readonly grant: string;
  readonly token: string | null;
}

@Injectable()
export class GrantService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  create(principal: Principal, write: Write<GrantBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(grant, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found`, also for a grant between other parties */
  async get(principal: Principal, id: string): Promise<GrantView> {
    const found = await findGrant(this.database.manager, readerOf(principal), id);
    if (found === undefined) throw missing(id);
    return { ...found, state: stateOf(found, new Date()) };
  }

  async list(principal: Principal, registration?: string): Promise<GrantView[]> {
    const now = new Date();
    const found = await listGrants(this.database.manager, readerOf(principal), registration ?? null);
    return found.map((row) => ({ ...row, state: stateOf(row, now) }));
  }

  /**
   * Records the end of a grant or of one token under it, as the caller's statement.
   * @throws RegistryError `not_found`, also for a grant that is none of the caller's business
   */
  async revoke(principal: Principal, revoked: Revoked, write: Revoke, idempotency: Idempotency): Promise<Receipt> {
    const sides = await findSides(this.database.manager, readerOf(principal), revoked.grant);
    if (sides === undefined) throw missing(revoked.grant);
    if ('payload' in write) {
      return this.ledger.accept(revocation, principal, write, { idempotency, speaksOf: { ...revoked } });
    }
    const body = { ...revoked, ...sides, reason: write.reason };
    return this.ledger.attest(revocation, { maker: principal.partyId, body }, { idempotency });
  }

  /** Ends one token in the registry's own name, on the word of a program that holds an API key of either side. */
  async endToken(principal: Principal, jti: string, grantId: string): Promise<Receipt> {
    const sides = await findSides(this.database.manager, readerOf(principal), grantId);
    if (sides === undefined) throw missing(grantId);
    return this.ledger.attest(revocation, {
      maker: this.ledger.registryParty,
      body: {
        grant: grantId,
        token: jti,
        ...sides,
        reason: `asked for with the API key ${principal.apiKeyId} of ${principal.partyId}`,
      },
    });
  }
}

export const readerOf = ({ partyId, roles }: Principal): Reader => ({ partyId, seesAll: roles.length > 0 });

/** Instants are RFC 3339 in UTC with milliseconds, so they compare as texts. */
export function stateOf(
  { revokedIndex, notBefore, expiresAt }: Pick<GrantRow, 'expiresAt' | 'notBefore' | 'revokedIndex'>,
  now: Date,
): GrantState {
  if (revokedIndex !== null) return 'revoked';
  const at = now.toISOString();
  if (at < notBefore) return 'not-yet-valid';
  return expiresAt !== null && at >= expiresAt ? 'expired' : 'active';
}

const missing = (id: string): RegistryError =>
  new RegistryError('not_found', `There is no grant ${id}.`, { field: 'id' });
