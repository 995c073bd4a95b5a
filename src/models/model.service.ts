/** Registrations of models, and the weights that their owners chose to keep here. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { registration } from '../core/registry/index.ts';
import type { RegistrationBody } from '../core/registry/registration.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { ArtifactStore, atMost } from '../platform/storage/index.ts';
import type { ModelQuery, ModelView, RecordedModel } from './model.schema.ts';
import { findModel, holdsTitle, insertAccess, listModels } from './model.store.ts';

@Injectable()
export class ModelService {
  constructor(
    private readonly ledger: Ledger,
    private readonly artifacts: ArtifactStore,
    private readonly database: DataSource,
  ) {}

  register(principal: Principal, write: Write<RegistrationBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(registration, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<ModelView> {
    return this.#view(await this.#find(id));
  }

  async list(query: ModelQuery): Promise<ModelView[]> {
    const models = await listModels(this.database.manager, query);
    return Promise.all(models.map((model) => this.#view(model)));
  }

  /** @throws RegistryError `not_found`, `forbidden`, `digest_mismatch`, `payload_too_large` */
  async storeArtifact(principal: Principal, id: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { maker, weights } = await this.#find(id);
    if (maker !== principal.partyId) {
      throw new RegistryError('forbidden', 'Only the party that registered a model stores its weights.', {
        field: 'id',
      });
    }
    await this.artifacts.put(weights.fileDigest, atMost(weights.bytes, content));
  }

  /** The weights, for an owner; each access is logged before the first byte leaves. */
  async openArtifact(principal: Principal, id: string) {
    const { weights } = await this.#find(id);
    const { manager } = this.database;
    const owns = await holdsTitle(manager, id, principal.partyId);
    if (!owns || !(await this.artifacts.has(weights.fileDigest))) {
      throw new RegistryError('not_found', `There are no weights of ${id} that you may fetch.`, { field: 'id' });
    }
    const artifact = await this.artifacts.open(weights.fileDigest);
    const { partyId, apiKeyId } = principal;
    await insertAccess(manager, { registrationId: id, partyId, apiKeyId, fileDigest: weights.fileDigest });
    return { artifact, fileDigest: weights.fileDigest };
  }

  async #find(id: string): Promise<RecordedModel> {
    const found = await findModel(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no model ${id}.`, { field: 'id' });
    return found;
  }

  async #view(model: RecordedModel): Promise<ModelView> {
    return { ...model, artifactStored: await this.artifacts.has(model.weights.fileDigest) };
  }
}
