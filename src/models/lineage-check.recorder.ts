/**
 * Puts what a worker found of an edge on record as the registry's own word, exactly once: the ids were drawn when the
 * check was asked for, so a worker that comes after one that died finds its own statements there.
 */
import { Injectable } from '@nestjs/common';
import type { EdgeCheck } from '../core/conversion/index.ts';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { lineageCheck } from '../core/registry/index.ts';
import type { LineageCheckBody } from '../core/registry/lineage-check.ts';
import { Ledger } from '../ledger/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { VERSION } from '../platform/version.ts';
import type { TakenLineageJob } from './lineage-job.store.ts';
import { makerOfCheck } from './lineage-job.store.ts';

@Injectable()
export class LineageCheckRecorder {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** @param child a digest of the file that was read @throws RegistryError as judged */
  async record(
    taken: TakenLineageJob,
    { finding, because, method, evidence }: EdgeCheck,
    child: Digest,
  ): Promise<void> {
    const { registration, relation, parents, checks } = taken;
    const maker = this.ledger.registryParty;
    for (const [i, parent] of parents.entries()) {
      const body: LineageCheckBody = {
        registration,
        relation,
        parent,
        method,
        finding,
        compared: { child, parent },
        score: null,
        pValue: null,
        n: null,
        evidence: JSON.parse(JSON.stringify({ because, ...evidence })) as LineageCheckBody['evidence'],
        tool: { name: 'muniment', version: VERSION },
      };
      const id = checks[i]!;
      try {
        await this.ledger.attest(lineageCheck, { maker, id, body });
      } catch (error) {
        if (!(error instanceof RegistryError) || error.code !== 'already_exists') throw error;
        if ((await makerOfCheck(this.database.manager, id)) !== maker) throw error;
      }
    }
  }
}
