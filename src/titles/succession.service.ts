/** Successions of parties: stated, accepted by the successors, and shown. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { succession, successionAct } from '../core/registry/index.ts';
import type { SuccessionBody } from '../core/registry/succession.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { SuccessionActWrite, SuccessionQuery, SuccessionView } from './succession.schema.ts';
import { findSuccession, listSuccessions } from './succession.store.ts';

@Injectable()
export class SuccessionService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  state(principal: Principal, write: Write<SuccessionBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(succession, principal, write, { idempotency });
  }

  act(principal: Principal, id: string, write: SuccessionActWrite, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) {
      return this.ledger.accept(successionAct, principal, write, { idempotency, speaksOf: { succession: id } });
    }
    const { id: own, ...said } = write;
    const attested = { maker: principal.partyId, id: own, body: { succession: id, ...said } };
    return this.ledger.attest(successionAct, attested, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<SuccessionView> {
    const found = await findSuccession(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no succession ${id}.`, { field: 'id' });
    return found;
  }

  list(query: SuccessionQuery): Promise<SuccessionView[]> {
    return listSuccessions(this.database.manager, query);
  }
}
