/** Runs as parties ask for them: refused early when they cannot end well, then a job for whichever worker comes first. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import type { Contributor } from '../core/registry/contributor.ts';
import { requireEachOnce } from '../core/registry/contributor.ts';
import { isLicenseRef, licenseIds } from '../core/licensing/expression.ts';
import { requireWhole } from '../core/share.ts';
import { ComputeService } from '../compute/index.ts';
import { DatasetService } from '../datasets/index.ts';
import type { Idempotency } from '../ledger/index.ts';
import { ModelService } from '../models/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newId } from '../platform/crypto.ts';
import { Jobs } from '../platform/jobs/index.ts';
import { ArtifactStore } from '../platform/storage/index.ts';
import { checkpointsOf } from './run-work.store.ts';
import type { RunQuery, RunView, StartRun } from './run.schema.ts';
import { madeBefore } from './repeated-request.ts';
import { cancelJob, findRuns, insertRun, insertRunAccess, listRunIds, missingParties } from './run.store.ts';
import { TrainingRules } from './training-rules.ts';

@Injectable()
export class RunService {
  constructor(
    private readonly rules: TrainingRules,
    private readonly datasets: DatasetService,
    private readonly artifacts: ArtifactStore,
    private readonly jobs: Jobs,
    private readonly compute: ComputeService,
    private readonly models: ModelService,
    private readonly database: DataSource,
  ) {}

  /**
   * Whatever would refuse the run or its registration in the end refuses it here.
   * @throws RegistryError `invalid_input`, `not_found`, `forbidden`, `shares_invalid`, `share_too_fine`,
   * `license_unknown`, `dataset_malformed`, `dataset_unavailable`, `already_exists`, `idempotency_key_reused`,
   * `quota_exceeded`
   */
  async start(principal: Principal, asked: StartRun, idempotency: Idempotency): Promise<RunView> {
    const owner = principal.partyId;
    const hyperparameters = this.rules.hyperparameters(asked.hyperparameters);
    requireLicense(asked);
    await this.#requireOwners(owner, asked);
    await this.#requireContributors(asked);
    await this.requireData(asked.dataset);

    const id = asked.id ?? newId('run');
    const run = {
      ...asked,
      id,
      owner,
      hyperparameters: hyperparameters as StartRun['hyperparameters'],
      registrationId: newId('registration'),
      jobId: randomUUID(),
      idempotency,
    };
    const made = await this.database.transaction(async (manager) => {
      await this.compute.lockStarts(manager, owner);
      // Before the quota: a request that is repeated gets its answer, whatever is left.
      if (!(await insertRun(manager, run))) return false;
      await this.compute.requireRoom(manager, owner, id);
      await this.jobs.send('training', { run: id }, { transaction: manager, id: run.jobId });
      return true;
    });
    return this.#find(made ? id : await madeBefore(this.database.manager, 'run', run));
  }

  /** @throws RegistryError `not_found`, also for a run that the reader may not see */
  async get(reader: Principal | undefined, id: string): Promise<RunView> {
    const [found] = await findRuns(this.database.manager, [id]);
    if (found === undefined || !maySee(reader, found)) throw noRun(id);
    return found;
  }

  async list(reader: Principal | undefined, { owner, limit }: RunQuery): Promise<RunView[]> {
    const { manager } = this.database;
    const known = reader !== undefined && mayRead(reader) ? reader : undefined;
    const all = (known?.roles.length ?? 0) > 0;
    return findRuns(manager, await listRunIds(manager, { reader: known?.partyId ?? null, all, owner, limit }));
  }

  /**
   * Who contributed, by the run's own record.
   * @throws RegistryError `not_found`, `state_conflict` for a run that is not on record
   */
  async proposedContributors(reader: Principal | undefined, id: string): Promise<Contributor[]> {
    const { statement, state } = await this.get(reader, id);
    if (statement !== null) return this.models.proposedContributors(id);
    throw new RegistryError('state_conflict', `The run ${id} is ${state} and not on record: it proposes nobody.`, {
      field: 'id',
    });
  }

  /** @throws RegistryError `not_found`, `forbidden`, `state_conflict` when the run is over */
  async cancel(principal: Principal, id: string): Promise<RunView> {
    const run = await this.get(principal, id);
    if (run.owner !== principal.partyId && !principal.roles.includes('registrar')) {
      throw new RegistryError('forbidden', 'Only the party that started a run cancels it.', { field: 'id' });
    }
    if (run.state === 'cancelled') return run;
    const job = await cancelJob(this.database.manager, 'run_request', id);
    if (job === undefined) {
      const { state } = await this.#find(id);
      throw new RegistryError('state_conflict', `The run ${id} is ${state}: it can no longer be cancelled.`, {
        field: 'id',
      });
    }
    // The worker would notice anyway, by its next write; this way nobody takes the job first.
    await this.jobs.cancel('training', job);
    for (const checkpoint of await checkpointsOf(this.database.manager, id)) await this.artifacts.delete(checkpoint);
    return this.#find(id);
  }

  /** The weights that came out, for the party that started the run; each access is logged before the first byte leaves. */
  async openArtifact(principal: Principal, id: string) {
    const run = await this.get(principal, id);
    const fileDigest = run.result?.fileDigest;
    if (run.owner !== principal.partyId || fileDigest === undefined || !(await this.artifacts.has(fileDigest))) {
      throw new RegistryError('not_found', `There are no weights of ${id} that you may fetch.`, { field: 'id' });
    }
    const artifact = await this.artifacts.open(fileDigest);
    const { partyId, apiKeyId } = principal;
    await insertRunAccess(this.database.manager, { runId: id, partyId, apiKeyId, fileDigest });
    return { artifact, fileDigest };
  }

  /**
   * Whether a worker finds every file that it trains on.
   * @throws RegistryError `not_found`, `dataset_malformed`, `dataset_unavailable`, `payload_too_large`
   */
  async requireData(dataset: string): Promise<void> {
    const { files } = await this.datasets.get(dataset).catch((error: unknown) => {
      if (!(error instanceof RegistryError) || error.code !== 'not_found') throw error;
      throw new RegistryError('not_found', error.message, { field: 'dataset' });
    });
    for (const { name, digest } of this.rules.filesOf(files)) {
      if (this.rules.isBundled(digest) || (await this.datasets.keepsFile(dataset, digest))) continue;
      throw new RegistryError('dataset_unavailable', `The file "${name}" of the dataset is not stored here.`, {
        field: 'dataset',
        fix: `Upload it: PUT /v1/datasets/${dataset}/files/${digest}.`,
      });
    }
  }

  async #find(id: string): Promise<RunView> {
    const [found] = await findRuns(this.database.manager, [id]);
    if (found === undefined) throw noRun(id);
    return found;
  }

  async #requireOwners(owner: string, { owners }: StartRun): Promise<void> {
    requireWhole(owners);
    await this.#requireParties('owners', owners);
    if (!owners.some(({ party }) => party === owner)) {
      throw new RegistryError('forbidden', 'Whoever starts a run must be one of the owners of its model.', {
        field: 'owners',
      });
    }
  }

  async #requireContributors({ contributors }: StartRun): Promise<void> {
    if (contributors === null) return;
    requireEachOnce(contributors);
    await this.#requireParties('contributors', contributors);
  }

  async #requireParties(member: string, named: readonly { party: string }[]): Promise<void> {
    const missing = await missingParties(
      this.database.manager,
      named.map(({ party }) => party),
    );
    const at = named.findIndex(({ party }) => missing.includes(party));
    if (at === -1) return;
    throw new RegistryError('not_found', `There is no party ${named[at]!.party}.`, { field: `${member}.${at}.party` });
  }
}

/** The same as the registration will be held to. */
function requireLicense({ license }: StartRun): void {
  if (!licenseIds(license.expression).some(isLicenseRef) || license.textDigest !== null) return;
  throw new RegistryError(
    'license_unknown',
    `${license.expression} is not on the SPDX list and comes without a text.`,
    { field: 'license.textDigest', fix: 'Give the SHA-256 of the license text.' },
  );
}

/** A run on record is public; before, its owner, the registrar and auditors see it. */
function maySee(reader: Principal | undefined, { statement, owner }: RunView): boolean {
  if (statement !== null) return true;
  return reader !== undefined && mayRead(reader) && (reader.partyId === owner || reader.roles.length > 0);
}

const mayRead = ({ scopes, roles }: Principal): boolean =>
  roles.length > 0 || scopes.includes('read') || scopes.includes('runs:write');

function noRun(id: string): RegistryError {
  return new RegistryError('not_found', `There is no run ${id}.`, { field: 'id' });
}
