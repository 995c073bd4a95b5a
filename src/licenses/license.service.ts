/** Licenses that owners offer: put on record, read by everybody, replaced and withdrawn. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { license, licenseWithdrawal } from '../core/registry/index.ts';
import type { LicenseBody } from '../core/registry/license.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { LicenseQuery, LicenseView, WithdrawLicense } from './license.schema.ts';
import { findLicense, listLicenses } from './license.store.ts';

@Injectable()
export class LicenseService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** @throws RegistryError `terms_contradictory`, `license_unknown`, `forbidden`, `state_conflict` */
  offer(principal: Principal, write: Write<LicenseBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(license, principal, write, { idempotency });
  }

  withdraw(principal: Principal, id: string, write: WithdrawLicense, idempotency: Idempotency): Promise<Receipt> {
    if ('payload' in write) {
      return this.ledger.accept(licenseWithdrawal, principal, write, { idempotency, speaksOf: { license: id } });
    }
    const attested = { maker: principal.partyId, id: write.id, body: { license: id, reason: write.reason } };
    return this.ledger.attest(licenseWithdrawal, attested, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<LicenseView> {
    const found = await findLicense(this.database.manager, id);
    if (found !== undefined) return found;
    throw new RegistryError('not_found', `There is no license ${id}.`, { field: 'id' });
  }

  list(query: LicenseQuery): Promise<LicenseView[]> {
    return listLicenses(this.database.manager, query);
  }
}
