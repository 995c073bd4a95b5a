/** Sealed registration: what a party put on record without telling what it is, and the opening of it. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { fieldOpening, KINDS, opening, sealed } from '../core/registry/index.ts';
import type { FieldOpeningBody } from '../core/registry/field-opening.ts';
import type { OpeningBody, SealedBody } from '../core/registry/sealed.ts';
import type { Envelope } from '../core/statement/dsse.ts';
import { parseEnvelope } from '../core/statement/dsse.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { parseStatement } from '../core/statement/statement.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import type { SealedView } from './sealed.schema.ts';
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
    requireAddress(opening, id, write);
    return this.ledger.write(opening, principal, write, { idempotency });
  }

  /** @throws RegistryError `proof_invalid`, and as `open` */
  openFields(
    principal: Principal,
    id: string,
    write: Write<FieldOpeningBody>,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    requireAddress(fieldOpening, id, write);
    return this.ledger.write(fieldOpening, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found`, also for what another party sealed and has not opened */
  async get(reader: Principal | undefined, id: string): Promise<SealedView> {
    const own = reader !== undefined && mayRead(reader) ? reader.partyId : null;
    const found = await findSealed(this.database.manager, own, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no sealed record ${id}.`, { field: 'id' });
    return found;
  }

  /** The caller's own, opened or not; nobody else's, whatever the caller's role. */
  list({ partyId }: Principal): Promise<SealedView[]> {
    return listSealed(this.database.manager, partyId);
  }
}

const mayRead = ({ scopes, roles }: Principal): boolean =>
  roles.length > 0 || scopes.includes('read') || scopes.includes('models:write');

/** @throws RegistryError `invalid_input` for an opening of another record than the one at the address */
function requireAddress({ kind }: { kind: string }, id: string, write: Write<FieldOpeningBody | OpeningBody>): void {
  const spoken = 'payload' in write ? sealedIn(kind, write) : write.sealed;
  if (spoken === undefined || spoken === id) return;
  throw new RegistryError('invalid_input', 'The statement speaks of another thing than the address.', {
    field: 'sealed',
  });
}

function sealedIn(kind: string, write: Envelope): string | undefined {
  const { form, body } = parseStatement(sha256, KINDS, parseEnvelope(write).payload);
  return form.kind === kind ? (body as FieldOpeningBody | OpeningBody).sealed : undefined;
}
