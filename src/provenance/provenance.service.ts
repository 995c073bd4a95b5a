/** Answers what is on record about a digest, with the proofs that let the asker check it alone. Reads, writes nothing. */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { Ledger } from '../ledger/index.ts';
import type { Provenance } from './provenance.schema.ts';
import { readHash } from './provenance.schema.ts';
import { findByDigest } from './provenance.store.ts';

@Injectable()
export class ProvenanceService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {}

  /** @throws RegistryError `digest_malformed`, `not_found` */
  async lookup(hash: string): Promise<Provenance> {
    const digest = readHash(hash);
    const found = await findByDigest(this.database, digest);
    if (found.length === 0) {
      throw new RegistryError('not_found', `Nothing is on record about ${digest}.`, { field: 'hash' });
    }
    const all = found.flatMap(({ indexes }) => [
      indexes.registration,
      ...(indexes.run === null ? [] : [indexes.run]),
      ...indexes.datasets,
    ]);
    const { receipts, checkpoint, treeSize } = await this.ledger.receiptsAt(all);
    return {
      query: { digest },
      checkpoint,
      treeSize,
      matches: found.map(({ indexes, recordedAt, ...match }) => ({
        ...match,
        recordedAt: recordedAt.toISOString(),
        receipts: {
          registration: receipts.get(indexes.registration)!,
          run: indexes.run === null ? null : receipts.get(indexes.run)!,
          datasets: indexes.datasets.map((index) => receipts.get(index)!),
        },
      })),
    };
  }
}
