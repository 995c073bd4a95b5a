/** Registrations of models, and the weights that their owners chose to keep here. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { Contributor } from '../core/registry/contributor.ts';
import { proposeContributors, withContributors } from '../core/registry/contributor.ts';
import { modelSignature, registration } from '../core/registry/index.ts';
import type { RegistrationBody } from '../core/registry/registration.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { ByteSource } from '../core/weights/byte-source.ts';
import { CONTAINERS } from '../core/weights/container.ts';
import { inspectWeights } from '../core/weights/inspect.ts';
import type { Idempotency, SignedWrite, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import type { StoredArtifact } from '../platform/storage/index.ts';
import { ArtifactStore, atMost } from '../platform/storage/index.ts';
import { LineageJobService } from './lineage-job.service.ts';
import type {
  ContributionQuery,
  ContributionView,
  ModelQuery,
  ModelSignatureView,
  ModelView,
  RecordedModel,
  RegisteredAll,
} from './model.schema.ts';
import {
  findModel,
  findProposalBasis,
  findSignature,
  holdsTitle,
  insertStoredArtifact,
  listContributions,
  listModels,
  listSignatures,
  withOwnArtifact,
} from './model.store.ts';

interface KeptArtifact {
  artifact: StoredArtifact;
  fileDigest: Digest;
  /** As it is registered */
  container: string;
}

/** Weights out of a run are kept here from the start. What is signed is not looked into: the record tells. */
const mayBeOfRun = (write: Write<RegistrationBody>): boolean => 'payload' in write || write.run !== null;

@Injectable()
export class ModelService {
  constructor(
    private readonly ledger: Ledger,
    private readonly artifacts: ArtifactStore,
    private readonly lineage: LineageJobService,
    private readonly database: DataSource,
  ) {}

  /** What the registry signs itself names the contributors that the run proposes, where the maker does not say. */
  async register(principal: Principal, write: Write<RegistrationBody>, idempotency: Idempotency): Promise<Receipt> {
    const receipt = await this.ledger.write(registration, principal, await this.#withContributors(write), {
      idempotency,
    });
    if (mayBeOfRun(write)) await this.lineage.registered([receipt.id]);
    return receipt;
  }

  /** Many registrations in one request; each is recorded or refused for itself. */
  async registerAll(
    principal: Principal,
    writes: readonly Write<RegistrationBody>[],
    idempotency: Idempotency,
  ): Promise<RegisteredAll> {
    const whole = await Promise.all(writes.map((write) => this.#withContributors(write)));
    const outcomes = await this.ledger.writeAll(registration, principal, whole, { idempotency });
    await this.lineage.registered(
      outcomes.flatMap((one, i) => (one instanceof RegistryError || !mayBeOfRun(writes[i]!) ? [] : [one.id])),
    );
    return {
      results: outcomes.map((outcome) =>
        outcome instanceof RegistryError ? { problem: { ...outcome.toProblem() } } : { receipt: outcome },
      ),
    };
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<ModelView> {
    return (await this.#views([await this.#find(id)]))[0]!;
  }

  async list(query: ModelQuery): Promise<ModelView[]> {
    return this.#views(await listModels(this.database.manager, query));
  }

  /**
   * Who contributed by the record of a run and of its dataset.
   * @throws RegistryError `not_found` for a run that is not on record
   */
  async proposedContributors(run: string): Promise<Contributor[]> {
    const found = await this.#proposedFor(run);
    if (found === undefined) throw new RegistryError('not_found', `There is no run ${run}.`, { field: 'run' });
    return found;
  }

  /** @throws RegistryError `not_found` */
  async contributions(party: string, query: ContributionQuery): Promise<ContributionView[]> {
    const found = await listContributions(this.database.manager, party, query);
    if (found === undefined) throw new RegistryError('not_found', `There is no party ${party}.`, { field: 'id' });
    return found;
  }

  /** @throws RegistryError `not_found`, `forbidden`, `digest_mismatch`, `malformed_container`, `payload_too_large` */
  async storeArtifact(principal: Principal, id: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { maker, weights } = await this.#find(id);
    if (maker !== principal.partyId) {
      throw new RegistryError('forbidden', 'Only the party that registered a model stores its weights.', {
        field: 'id',
      });
    }
    await this.artifacts.put(weights.fileDigest, atMost(weights.bytes, content), (file) =>
      requireAsSaid(weights, file),
    );
    await this.database.transaction(async (inside) => {
      await insertStoredArtifact(inside, id);
      await this.lineage.fileStored(inside, id);
    });
  }

  /** The weights that the registry keeps for a registration; undefined where it keeps none. */
  async keptArtifact(id: string): Promise<KeptArtifact | undefined> {
    const found = await findModel(this.database.manager, id);
    if (found === undefined || !(await this.#keepsArtifact([found])).has(id)) return undefined;
    const { fileDigest, container } = found.weights;
    return { artifact: await this.artifacts.open(fileDigest), fileDigest, container };
  }

  /** Whether the party owns a share of the model; nobody does of one that is not there. */
  isOwner(id: string, partyId: string): Promise<boolean> {
    return holdsTitle(this.database.manager, id, partyId);
  }

  /** @throws RegistryError `invalid_input` for a signature over another model than the address names; as judged */
  async sign(principal: Principal, id: string, write: SignedWrite, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.accept(modelSignature, principal, write, { idempotency, speaksOf: { registration: id } });
  }

  /** @throws RegistryError `not_found` */
  async signatures(id: string): Promise<ModelSignatureView[]> {
    await this.#find(id);
    return listSignatures(this.database.manager, id);
  }

  /** The receipt of a signature. @throws RegistryError `not_found` */
  async signatureReceipt(id: string): Promise<Receipt> {
    const found = await findSignature(this.database.manager, id);
    if (found === undefined)
      throw new RegistryError('not_found', `There is no model signature ${id}.`, { field: 'id' });
    return this.ledger.receipt(found.statement, undefined);
  }

  async #withContributors(write: Write<RegistrationBody>): Promise<Write<RegistrationBody>> {
    if ('payload' in write) return write;
    const { contributors, ...rest } = write;
    // What is registered from a run that is not on record is refused where it is judged.
    const proposed = contributors === undefined && rest.run !== null ? await this.#proposedFor(rest.run) : undefined;
    return withContributors(rest, contributors ?? proposed ?? []);
  }

  async #proposedFor(run: string): Promise<Contributor[] | undefined> {
    const basis = await findProposalBasis(this.database.manager, run);
    return basis && proposeContributors(basis);
  }

  async #find(id: string): Promise<RecordedModel> {
    const found = await findModel(this.database.manager, id);
    if (found === undefined) throw new RegistryError('not_found', `There is no model ${id}.`, { field: 'id' });
    return found;
  }

  async #views(models: readonly RecordedModel[]): Promise<ModelView[]> {
    const kept = await this.#keepsArtifact(models);
    return models.map((model) => ({ ...model, artifactStored: kept.has(model.id) }));
  }

  /**
   * The registrations whose weights the registry keeps for them. That somebody else's copy is here does not count: a
   * digest is public, and registering it must not lead to the bytes.
   */
  async #keepsArtifact(models: readonly RecordedModel[]): Promise<Set<string>> {
    const kept = await withOwnArtifact(
      this.database.manager,
      models.map(({ id }) => id),
    );
    await Promise.all(
      models.map(async ({ id, weights }) => {
        if (kept.has(id) && !(await this.artifacts.has(weights.fileDigest))) kept.delete(id);
      }),
    );
    return kept;
  }
}

/**
 * Weights that are kept here are what their registration says of them, not only the same file.
 * @throws RegistryError `malformed_container`, `digest_mismatch`
 */
async function requireAsSaid(said: RegistrationBody['weights'], file: ByteSource): Promise<void> {
  const container = CONTAINERS.find((name) => name === said.container);
  if (container === undefined) return;
  const { tensors, ...found } = await inspectWeights(file, sha256, { container });
  const is = { ...found, tensors: tensors.length };
  const wrong = (['weightDigest', 'namelessDigest', 'tensors', 'parameters', 'bytes'] as const).find(
    (name) => said[name] !== is[name],
  );
  if (wrong === undefined) return;
  throw new RegistryError(
    'digest_mismatch',
    `The file has the ${wrong} ${is[wrong]}, but is registered with ${said[wrong]}.`,
    {
      field: `weights.${wrong}`,
      fix: 'Register the model as "muniment hash FILE" tells it.',
    },
  );
}
