/**
 * Puts what a worker's replay found on record, exactly once: the id was drawn when the replay was asked for, so a worker
 * that comes after one that died finds its own statement there.
 */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { replay } from '../core/registry/index.ts';
import type { ReplayBody } from '../core/registry/replay.ts';
import { Ledger } from '../ledger/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { makerOfReplay } from './replay.store.ts';
import type { RunView } from './run.schema.ts';
import { told } from './told.ts';

@Injectable()
export class ReplayRecorder {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** @returns why it cannot be recorded, or null */
  async record(id: string, body: ReplayBody): Promise<RunView['error']> {
    const maker = this.ledger.registryParty;
    try {
      await this.ledger.attest(replay, { maker, id, body });
      return null;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.status >= 429) throw error;
      // Of the registry's own statements, this one alone has the id.
      if ((await makerOfReplay(this.database.manager, id)) === maker) return null;
      return told(error);
    }
  }
}
