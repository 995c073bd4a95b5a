/** What parties state of the protection of models, of the rights in data, and of models on the market. */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import type { DataRightsBody } from '../core/registry/data-rights.ts';
import { dataRights, marketRecord, protectionRecord } from '../core/registry/index.ts';
import type { MarketBody } from '../core/registry/market-record.ts';
import type { ProtectionBody } from '../core/registry/protection-record.ts';
import { respectOf } from '../core/registry/rights-record.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { DatasetService } from '../datasets/index.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import { ModelService } from '../models/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type {
  DataRightsView,
  MarketView,
  OfDataset,
  OfRegistration,
  ProtectionView,
  RightsRecorded,
} from './protection.schema.ts';
import { listRecords, listStanding, sizeOfStanding } from './protection.store.ts';

/** A thousand datasets with a long list of domains each would fill the memory of a server that anybody may ask. */
const MAX_DATA_RIGHTS_BYTES = 8 << 20;

@Injectable()
export class ProtectionService {
  constructor(
    private readonly ledger: Ledger,
    private readonly models: ModelService,
    private readonly datasets: DatasetService,
    private readonly database: DataSource,
  ) {}

  protect(principal: Principal, write: Write<ProtectionBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(protectionRecord, principal, write, { idempotency });
  }

  market(principal: Principal, write: Write<MarketBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(marketRecord, principal, write, { idempotency });
  }

  stateDataRights(principal: Principal, write: Write<DataRightsBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(dataRights, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  protections(query: OfRegistration): Promise<ProtectionView[]> {
    return this.#ofRegistration(protectionRecord.kind, query);
  }

  /** @throws RegistryError `not_found` */
  marketRecords(query: OfRegistration): Promise<MarketView[]> {
    return this.#ofRegistration(marketRecord.kind, query);
  }

  /** @throws RegistryError `not_found` */
  async dataRights({ dataset, ...page }: OfDataset): Promise<DataRightsView[]> {
    await this.datasets.get(dataset);
    return listRecords(this.database.manager, dataset, respectOf(dataRights.kind), page);
  }

  /** What the owners of a model state of it on one market. */
  standingOnMarket(registration: string, jurisdiction: string): Promise<MarketView[]> {
    return listStanding(this.database.manager, respectOf(marketRecord.kind, jurisdiction), [registration]);
  }

  /** @throws RegistryError `payload_too_large` where it is more than one answer holds */
  async standingDataRights(datasets: readonly string[]): Promise<DataRightsView[]> {
    const { manager } = this.database;
    if ((await sizeOfStanding(manager, dataRights.kind, datasets)) > MAX_DATA_RIGHTS_BYTES) {
      throw new RegistryError('payload_too_large', 'More is stated of the data than fits into one answer.', {
        fix: 'Read the records of the datasets one by one.',
      });
    }
    return listStanding(manager, dataRights.kind, datasets);
  }

  async #ofRegistration<View extends RightsRecorded>(
    kind: string,
    { registration, jurisdiction, ...page }: OfRegistration,
  ): Promise<View[]> {
    await this.models.get(registration);
    const respect = jurisdiction === undefined ? respectOf(kind, '') : respectOf(kind, jurisdiction);
    return listRecords(this.database.manager, registration, respect, page);
  }
}
