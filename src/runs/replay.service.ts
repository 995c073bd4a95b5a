/** Replays that a worker of the registry makes: whoever asks spends of its own quota, and anybody reads what came out. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { ComputeService } from '../compute/index.ts';
import { RegistryError } from '../core/errors.ts';
import type { Idempotency } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { newId } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import { Jobs } from '../platform/jobs/index.ts';
import { ArtifactStore } from '../platform/storage/index.ts';
import { madeBefore } from './repeated-request.ts';
import type { ReplayJobView, StartReplay } from './replay.schema.ts';
import { findReplayJobs, insertReplay, listReplayJobIds } from './replay.store.ts';
import { checkpointsOf } from './run-work.store.ts';
import type { RunView } from './run.schema.ts';
import { RunService } from './run.service.ts';
import { cancelJob } from './run.store.ts';

@Injectable()
export class ReplayService {
  constructor(
    private readonly runs: RunService,
    private readonly compute: ComputeService,
    private readonly jobs: Jobs,
    private readonly artifacts: ArtifactStore,
    private readonly database: DataSource,
  ) {}

  /**
   * @throws RegistryError `not_found`, `state_conflict` for a run that is not on record, `invalid_input`,
   * `dataset_unavailable`, `already_exists`, `idempotency_key_reused`, `quota_exceeded`
   */
  async start(principal: Principal, asked: StartReplay, idempotency: Idempotency): Promise<ReplayJobView> {
    const { statement, state, epochs, dataset, environment } = await this.#runFor(principal, asked.run);
    if (statement === null) {
      throw new RegistryError('state_conflict', `The run ${asked.run} is ${state}: it is not on record.`, {
        field: 'run',
      });
    }
    const throughEpoch = asked.throughEpoch ?? epochs.length;
    if (throughEpoch > epochs.length) {
      throw new RegistryError('invalid_input', `The run has ${epochs.length} epochs.`, {
        field: 'throughEpoch',
        fix: 'Name an epoch that it has.',
      });
    }
    const fromSeed = environment?.['backend'] === 'wasm';
    if (asked.fromEpoch > (fromSeed ? 1 : throughEpoch)) {
      const why = fromSeed ? 'A run on wasm is replayed from its seed.' : 'The last epoch comes before the first.';
      throw new RegistryError('invalid_input', why, { field: 'fromEpoch', fix: 'Leave it out.' });
    }
    await this.runs.requireData(dataset);

    const owner = principal.partyId;
    const id = asked.id ?? newId('replay');
    const { run, fromEpoch } = asked;
    const replay = { id, owner, run, fromEpoch, throughEpoch, jobId: randomUUID(), idempotency };
    const { manager } = this.database;
    const made = await this.database.transaction(async (inside) => {
      await this.compute.lockStarts(inside, owner);
      // Before the quota: a request that is repeated gets its answer, whatever is left.
      if (!(await insertReplay(inside, replay))) return false;
      await this.compute.requireRoom(inside, owner, id);
      await this.jobs.send('training', { replay: id }, { transaction: inside, id: replay.jobId });
      return true;
    });
    return this.#find(made ? id : await madeBefore(manager, 'replay', replay));
  }

  /** @throws RegistryError `not_found`, also for a replay that somebody else asked for */
  async get(reader: Principal, id: string): Promise<ReplayJobView> {
    const found = await this.#find(id);
    if (found.owner !== reader.partyId && reader.roles.length === 0) throw noReplay(id);
    return found;
  }

  /** The caller's own, or all for those who may see them. */
  async list({ partyId, roles }: Principal, limit: number): Promise<ReplayJobView[]> {
    const { manager } = this.database;
    return findReplayJobs(manager, await listReplayJobIds(manager, roles.length > 0 ? null : partyId, limit));
  }

  /** @throws RegistryError `not_found`, `forbidden`, `state_conflict` when it is over */
  async cancel(principal: Principal, id: string): Promise<ReplayJobView> {
    const { owner, state } = await this.get(principal, id);
    if (owner !== principal.partyId && !principal.roles.includes('registrar')) {
      throw new RegistryError('forbidden', 'Only the party that asked for a replay cancels it.', { field: 'id' });
    }
    if (state !== 'cancelled') {
      const job = await cancelJob(this.database.manager, 'replay_request', id);
      if (job === undefined) {
        throw new RegistryError('state_conflict', `The replay ${id} can no longer be cancelled.`, { field: 'id' });
      }
      await this.jobs.cancel('training', job);
      for (const checkpoint of await checkpointsOf(this.database.manager, id)) await this.artifacts.delete(checkpoint);
    }
    return this.#find(id);
  }

  async #runFor(reader: Principal, id: string): Promise<RunView> {
    return this.runs.get(reader, id).catch((error: unknown) => {
      if (!(error instanceof RegistryError) || error.code !== 'not_found') throw error;
      throw new RegistryError('not_found', error.message, { field: 'run' });
    });
  }

  async #find(id: string): Promise<ReplayJobView> {
    const [found] = await findReplayJobs(this.database.manager, [id]);
    if (found === undefined) throw noReplay(id);
    return found;
  }
}

const noReplay = (id: string): RegistryError =>
  new RegistryError('not_found', `There is no replay ${id}.`, { field: 'id' });
