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
import type { Choice } from './protection.store.ts';
import { listChosen, recordsOf, sizeOfChosen, standingOf } from './protection.store.ts';

/** A thousand records with a long list of domains each would fill the memory of a server that anybody may ask. */
const MAX_BYTES = 8 << 20;
const ASK_FOR_FEWER = 'Ask for fewer records at once, with limit and before.';
const READ_ONE_BY_ONE = 'Read the records of the model and of its datasets one by one.';

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

  /** @throws RegistryError `not_found`, `payload_too_large` */
  protections(query: OfRegistration): Promise<ProtectionView[]> {
    return this.#ofRegistration(protectionRecord.kind, query);
  }

  /** @throws RegistryError `not_found`, `payload_too_large` */
  marketRecords(query: OfRegistration): Promise<MarketView[]> {
    return this.#ofRegistration(marketRecord.kind, query);
  }

  /** @throws RegistryError `not_found`, `payload_too_large` */
  async dataRights({ dataset, ...page }: OfDataset): Promise<DataRightsView[]> {
    await this.datasets.get(dataset);
    return this.#list(recordsOf(dataset, respectOf(dataRights.kind), page), ASK_FOR_FEWER);
  }

  /**
   * What the owners of a model state of it on one market.
   * @throws RegistryError `payload_too_large` where it is more than one answer holds
   */
  standingOnMarket(registration: string, jurisdiction: string): Promise<MarketView[]> {
    return this.#list(standingOf([registration], respectOf(marketRecord.kind, jurisdiction)), READ_ONE_BY_ONE);
  }

  /** @throws RegistryError `payload_too_large` where it is more than one answer holds */
  standingDataRights(datasets: readonly string[]): Promise<DataRightsView[]> {
    return this.#list(standingOf(datasets, dataRights.kind), READ_ONE_BY_ONE);
  }

  async #ofRegistration<View extends RightsRecorded>(
    kind: string,
    { registration, jurisdiction, ...page }: OfRegistration,
  ): Promise<View[]> {
    await this.models.get(registration);
    const respect = jurisdiction === undefined ? respectOf(kind, '') : respectOf(kind, jurisdiction);
    return this.#list(recordsOf(registration, respect, page), ASK_FOR_FEWER);
  }

  /** @param fix what to do where it is more than one answer holds */
  async #list<View extends RightsRecorded>(choice: Choice, fix: string): Promise<View[]> {
    const { manager } = this.database;
    if ((await sizeOfChosen(manager, choice)) > MAX_BYTES) {
      throw new RegistryError('payload_too_large', 'More is stated than fits into one answer.', { fix });
    }
    return listChosen(manager, choice);
  }
}
