/**
 * Puts a finished run on record, and for an owner without a key the model that came out of it: each exactly once. Both
 * ids were drawn when the run was asked for, so a worker that comes after one that died finds its own statement there.
 */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { withContributors } from '../core/registry/contributor.ts';
import { registration, run } from '../core/registry/index.ts';
import type { RunBody } from '../core/registry/run.ts';
import { Ledger } from '../ledger/index.ts';
import { LineageJobService, ModelService } from '../models/index.ts';
import { told } from './told.ts';
import type { TakenRun } from './run-work.store.ts';
import { recordedRun } from './run-work.store.ts';
import type { RunView } from './run.schema.ts';

@Injectable()
export class RunRecorder {
  constructor(
    private readonly ledger: Ledger,
    private readonly models: ModelService,
    private readonly lineage: LineageJobService,
    private readonly database: DataSource,
  ) {}

  /** @throws RegistryError `ledger_inconsistent` when another result of the run is on record */
  async record(id: string, body: RunBody): Promise<void> {
    try {
      await this.ledger.attest(run, { maker: this.ledger.registryParty, id, body });
    } catch (error) {
      if (!isCode(error, 'already_exists')) throw error;
      const found = await recordedRun(this.database.manager, id);
      const same = found?.weightDigest === body.result.weightDigest && found.fileDigest === body.result.fileDigest;
      if (same) return;
      throw new RegistryError('ledger_inconsistent', `Another result of the run ${id} is on record.`, { cause: error });
    }
  }

  /**
   * Registers the model for an owner without a key.
   * @returns why it cannot be registered, or null
   */
  async register(taken: TakenRun, body: RunBody): Promise<RunView['error']> {
    const { weightDigest, namelessDigest, fileDigest, bytes, tensors, parameters } = body.result;
    const weights = { container: 'safetensors', weightDigest, namelessDigest, fileDigest, bytes, tensors, parameters };
    const { name, owners, license, dataset } = taken;
    const contributors = taken.contributors ?? (await this.models.proposedContributors(taken.runId));
    try {
      await this.ledger.attest(registration, {
        maker: taken.owner,
        id: taken.registrationId,
        body: withContributors(
          { name, weights, owners, license, run: taken.runId, datasets: [dataset], parents: [] },
          contributors,
        ),
      });
      await this.lineage.registered([taken.registrationId]);
      return null;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.status >= 429) throw error;
      const found = await recordedRun(this.database.manager, taken.runId);
      if (found?.registrationId === taken.registrationId) return null;
      return told(error);
    }
  }
}

const isCode = (error: unknown, code: RegistryError['code']): boolean =>
  error instanceof RegistryError && error.code === code;
