/** Disclosures of a model: what is on record is gathered here, once for all forms, and a pure function fills the form. */
import { Injectable } from '@nestjs/common';
import type { DisclosureDocument } from '../core/disclosure.ts';
import { DatasetService } from '../datasets/index.ts';
import { Ledger } from '../ledger/index.ts';
import { ModelService } from '../models/index.ts';
import { PartyService } from '../parties/index.ts';
import { ProtectionService } from '../protection/index.ts';
import { caAb2013 } from './ca-ab-2013.ts';
import { cnFiling } from './cn-filing.ts';
import { euTrainingSummary } from './eu-training-summary.ts';
import type { Facts } from './facts.ts';

/** Each form, and the market whose records it is filled from. */
const FORMS = {
  'eu-training-summary': { market: 'EU', fill: euTrainingSummary },
  'ca-ab-2013': { market: 'US', fill: caAb2013 },
  'cn-filing': { market: 'CN', fill: cnFiling },
} as const satisfies Record<string, { market: string; fill: (facts: Facts) => DisclosureDocument }>;

export type FormName = keyof typeof FORMS;
export const FORM_NAMES = Object.keys(FORMS) as [FormName, ...FormName[]];

@Injectable()
export class DisclosureService {
  constructor(
    private readonly ledger: Ledger,
    private readonly models: ModelService,
    private readonly datasets: DatasetService,
    private readonly parties: PartyService,
    private readonly protection: ProtectionService,
  ) {}

  /** @throws RegistryError `not_found`, `payload_too_large` */
  async disclose(registration: string, form: FormName): Promise<DisclosureDocument> {
    const { market, fill } = FORMS[form];
    const model = await this.models.get(registration);
    const [records, sources, rights] = await Promise.all([
      this.protection.standingOnMarket(registration, market),
      this.datasets.sources(model.datasets),
      this.protection.standingDataRights(model.datasets),
    ]);
    const provided = await Promise.all(
      records.map(async (record) => ({ record, provider: (await this.parties.get(record.maker)).name })),
    );
    const rightsOf = new Map(rights.map((each) => [each.dataset, each]));
    const data = sources.map((dataset) => ({ dataset, rights: rightsOf.get(dataset.id) }));
    return fill({ log: this.ledger.origin, model, provided, data });
  }
}
