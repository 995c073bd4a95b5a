/** Licenses that owners offer: put on record, read by everybody, replaced and withdrawn. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { obligationsOf } from '../core/licensing/obligations.ts';
import { license, licenseWithdrawal } from '../core/registry/index.ts';
import type { LicenseBody } from '../core/registry/license.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { dateOf } from '../core/title/dates.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { LicenseQuery, LicenseView, WithdrawLicense } from './license.schema.ts';
import { findLicense, listLicenses } from './license.store.ts';
import { findLineage, isRegistered } from './lineage.store.ts';

/** By which nothing is asked of anybody. */
const FREE = 'CC0-1.0';

@Injectable()
export class LicenseService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /**
   * What an ancestor blocks is offered by who says why.
   * @throws RegistryError `license_blocked`, `terms_contradictory`, `license_unknown`, `forbidden`, `state_conflict`
   */
  offer(principal: Principal, write: Write<LicenseBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(license, principal, write, { idempotency, admit: (body) => this.#requireUnblocked(body) });
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

  /** A dataset has no lineage; that a model is not on record is found where the statement is judged. */
  async #requireUnblocked({ asset, terms, despite }: LicenseBody): Promise<void> {
    if (despite !== undefined || !asset.startsWith('registration_')) return;
    const { manager } = this.database;
    if (!(await isRegistered(manager, asset))) return;
    const { nodes, edges } = await findLineage(manager, asset, 'ancestors');
    // Nobody is bound by the license that he gave himself.
    const own = nodes.map((node) => (node.id === asset ? { ...node, license: FREE } : node));
    const use = { actions: terms.actions, commercial: terms.commercial };
    const { conservative } = obligationsOf({
      lineage: { nodes: own, edges },
      model: asset,
      use,
      on: dateOf(new Date().toISOString()),
    });
    const block = conservative.obstacles.find(({ verdict }) => verdict === 'BLOCK');
    if (block === undefined) return;
    throw new RegistryError(
      'license_blocked',
      `The license grants what an ancestor blocks: ${block.explanation} (${block.license}, ${block.clause})`,
      { field: 'terms', fix: `${block.wayOut} Or offer less; or state in "despite" why you may offer it.` },
    );
  }
}
