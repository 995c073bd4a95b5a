/** Grants under which somebody wants to count or to sit: which there are, and whether the caller may. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { inWords } from '../core/licensing/grant-states.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import { requireHolder } from '../core/licensing/token-claims.ts';
import type { GrantView } from '../licenses/index.ts';
import { GrantService } from '../licenses/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { GenuineTokens } from '../tokens/index.ts';

/** A grant as far as counting needs it. */
export interface CountableGrant {
  readonly id: string;
  /** Those above it, the owner's first, and itself */
  readonly chain: readonly string[];
}

@Injectable()
export class CountableGrants {
  constructor(
    private readonly grants: GrantService,
    private readonly tokens: GenuineTokens,
  ) {}

  /**
   * A grant for one of its sides, or for whoever shows a token under it: the server that is shown a token is seldom a
   * side, and counts all the same. It has no key of the token's, and needs none to count.
   * @throws RegistryError `not_found`; what is wrong with the token
   */
  async find(principal: Principal, id: string, token?: string): Promise<GrantView> {
    if (token === undefined) return this.grants.get(principal, id);
    await this.#under(id, token);
    return this.byId(id);
  }

  /** For a caller whose right was established by other means. */
  byId(id: string): Promise<GrantView> {
    return this.grants.byId(id);
  }

  /** Whether the caller gave the grant that all others of the chain are a part of. */
  async hasGiven({ partyId }: Principal, { chain: [first] }: CountableGrant): Promise<boolean> {
    return (await this.byId(first!)).licensor === partyId;
  }

  /** As `find`, for who counts there: registrar and auditors see every grant, and count under none. */
  forCounting(principal: Principal, id: string, token?: string): Promise<GrantView> {
    return this.find({ ...principal, roles: [] }, id, token);
  }

  /** @throws RegistryError also `state_conflict` for a grant that is not in force */
  async inForce(principal: Principal, id: string, token?: string): Promise<CountableGrant> {
    const grant = await this.forCounting(principal, id, token);
    if (grant.state === 'active') return countable(grant);
    throw new RegistryError('state_conflict', `The grant ${id} is ${inWords(grant.state)}.`, { field: 'id' });
  }

  /** By a token that is bound to a key, a seat is for that key alone. @throws RegistryError `dpop_proof_invalid` */
  async requireSeatFor(holder: string, id: string, token?: string): Promise<void> {
    if (token !== undefined) requireHolder(await this.#under(id, token), holder);
  }

  async #under(id: string, token: string): Promise<LicenseTokenClaims> {
    const { claims } = await this.tokens.require(token);
    if (claims.grant_id === id) return claims;
    throw new RegistryError('not_found', `There is no grant ${id}.`, {
      field: 'token',
      fix: 'Show a token under that very grant.',
    });
  }
}

export const countable = ({ id, above }: GrantView): CountableGrant => ({ id, chain: [...above, id] });
