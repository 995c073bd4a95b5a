/** Grants: licenses on a model offered to one licensee, accepted, suspended and ended. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import type { GrantState } from '../core/licensing/grant-states.ts';
import { grantStateAt } from '../core/licensing/grant-states.ts';
import type { GrantBody } from '../core/registry/grant.ts';
import { grant, grantAct, revocation } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import type { GrantActWrite, GrantQuery, GrantView, Revoke } from './grant.schema.ts';
import type { GrantRow, Lives, Reader, Sides } from './grant.store.ts';
import { findGrant, findSides, listGrants } from './grant.store.ts';

@Injectable()
export class GrantService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** @throws RegistryError `grant_too_wide`, `exclusive_license_stands`, `forbidden`, `state_conflict` */
  offer(principal: Principal, write: Write<GrantBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(grant, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found`, also for a grant between other parties */
  async get(principal: Principal, id: string): Promise<GrantView> {
    const found = await findGrant(this.database.manager, readerOf(principal), id);
    if (found === undefined) throw missing(id);
    return viewOf(found, new Date());
  }

  /** For the registry's own use, whoever asks. @throws RegistryError `not_found` */
  async byId(id: string): Promise<GrantView> {
    const found = await findGrant(this.database.manager, { partyId: '', seesAll: true }, id);
    if (found === undefined) throw missing(id);
    return viewOf(found, new Date());
  }

  async list(principal: Principal, query: GrantQuery): Promise<GrantView[]> {
    const now = new Date();
    const found = await listGrants(this.database.manager, readerOf(principal), query);
    return found.map((row) => viewOf(row, now));
  }

  /**
   * Records what a side does about a grant, as its own statement.
   * @throws RegistryError `not_found`, also for a grant that is none of the caller's business; `forbidden`, `state_conflict`
   */
  async act(principal: Principal, id: string, write: GrantActWrite, idempotency: Idempotency): Promise<Receipt> {
    const sides = await this.#sides(principal, id);
    if ('payload' in write) {
      return this.ledger.accept(grantAct, principal, write, { idempotency, speaksOf: { grant: id } });
    }
    const { id: actId, ...act } = write;
    const attested = { maker: principal.partyId, id: actId, body: { grant: id, ...sides, ...act } };
    return this.ledger.attest(grantAct, attested, { idempotency });
  }

  /**
   * Records the end of one token under a grant, as the caller's statement.
   * @throws RegistryError `not_found`, also for a grant that is none of the caller's business
   */
  async revokeToken(
    principal: Principal,
    { jti: token, grant: id }: { jti: string; grant: string },
    write: Revoke,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    const sides = await this.#sides(principal, id);
    if ('payload' in write) {
      return this.ledger.accept(revocation, principal, write, { idempotency, speaksOf: { grant: id, token } });
    }
    const body = { grant: id, token, ...sides, reason: write.reason };
    return this.ledger.attest(revocation, { maker: principal.partyId, body }, { idempotency });
  }

  /** Ends one token in the registry's own name, on the word of a program that holds an API key of either side. */
  async endToken(principal: Principal, jti: string, grantId: string): Promise<Receipt> {
    const sides = await this.#sides(principal, grantId);
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

  async #sides(principal: Principal, id: string): Promise<Sides> {
    const sides = await findSides(this.database.manager, readerOf(principal), id);
    if (sides === undefined) throw missing(id);
    return sides;
  }
}

export const readerOf = ({ partyId, roles }: Principal): Reader => ({ partyId, seesAll: roles.length > 0 });

export const stateOf = ({ own, above }: Lives, now: Date): GrantState => grantStateAt(own, now.toISOString(), above);

const viewOf = ({ lives, ...row }: GrantRow, now: Date): GrantView => ({ ...row, state: stateOf(lives, now) });

const missing = (id: string): RegistryError =>
  new RegistryError('not_found', `There is no grant ${id}.`, { field: 'id' });
