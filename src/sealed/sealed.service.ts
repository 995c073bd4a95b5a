/** Sealed registration: what a party put on record without telling what it is, and the opening of it. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { fieldOpening, opening, sealed } from '../core/registry/index.ts';
import type { FieldOpeningBody } from '../core/registry/field-opening.ts';
import type { OpeningBody, SealedBody } from '../core/registry/sealed.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { SealedQuery, SealedView } from './sealed.schema.ts';
import { findSealed, listSealed } from './sealed.store.ts';

@Injectable()
export class SealedService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  seal(principal: Principal, write: Write<SealedBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(sealed, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found`, also for what another party sealed; `digest_mismatch`, `state_conflict` */
  open(principal: Principal, id: string, write: Write<OpeningBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(opening, principal, write, { idempotency, speaksOf: { sealed: id } });
  }

  /** @throws RegistryError `proof_invalid`, and as `open` */
  openFields(
    principal: Principal,
    id: string,
    write: Write<FieldOpeningBody>,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    return this.ledger.write(fieldOpening, principal, write, { idempotency, speaksOf: { sealed: id } });
  }

  /** @throws RegistryError `not_found`, also for what another party sealed and has not opened */
  async get(reader: Principal | undefined, id: string): Promise<SealedView> {
    const own = reader !== undefined && mayRead(reader) ? reader.partyId : null;
    const found = await findSealed(this.database.manager, own, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no sealed record ${id}.`, { field: 'id' });
    return found;
  }

  /** The caller's own, opened or not; nobody else's, whatever the caller's role. */
  list({ partyId }: Principal, query: SealedQuery): Promise<SealedView[]> {
    return listSealed(this.database.manager, partyId, query);
  }
}

const mayRead = ({ scopes, roles }: Principal): boolean =>
  roles.length > 0 || scopes.includes('read') || scopes.includes('models:write');
