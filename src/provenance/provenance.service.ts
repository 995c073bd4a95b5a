/** Answers what is on record about a digest, with the proofs that let the asker check it alone. Reads, writes nothing. */
import { Injectable } from '@nestjs/common';
import type { Digest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { witnessesOn } from '../core/statement/receipt.ts';
import { Ledger } from '../ledger/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { Finder } from './found-now.ts';
import type { Provenance } from './provenance.schema.ts';
import { readHash } from './provenance.schema.ts';
import type { Found, Recorded } from './provenance.store.ts';
import { findNames, findRecorded, MAX_TRANSFERS } from './provenance.store.ts';

/** About 3 KiB each. */
const MAX_KEPT = 5000;

/** Null where there are more than are shown. */
const shownOf = (transfers: Found['current'][number]['transfers']): readonly (readonly number[])[] | null =>
  transfers === null ? [] : transfers.length > MAX_TRANSFERS ? null : transfers;

@Injectable()
export class ProvenanceService {
  /** By registration. */
  readonly #recorded = new Map<string, Recorded>();
  readonly #finder: Finder;

  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
  ) {
    this.#finder = new Finder(database);
  }

  /** @throws RegistryError `digest_malformed`, `not_found` */
  async lookup(hash: string): Promise<Provenance> {
    const digest = readHash(hash);
    const { found, names } = await this.#finder.find(digest);
    const { current, possessed } = found;
    if (current.length === 0 && possessed.length === 0) {
      throw new RegistryError('not_found', `Nothing is on record about ${digest}.`, {
        field: 'hash',
        fix: `The proof that no public registration names it: GET /v1/map/${digest}.`,
      });
    }
    const recorded = await this.#recordedOf(current.map(({ registrationId }) => registrationId));
    const [{ receipts, checkpoint, treeSize }, recordedNames] = await Promise.all([
      this.ledger.receiptsAt([
        ...recorded.flatMap(({ indexes: { registration, run, datasets } }) => [
          registration,
          ...(run === null ? [] : [run]),
          ...datasets,
        ]),
        ...current.flatMap(({ transfers }) => shownOf(transfers) ?? []).flat(),
        ...possessed.flatMap((each) => [each.sealedIndex, each.openedIndex, ...otherOpenings(each)]),
      ]),
      this.#namesOf(
        recorded.flatMap(({ holders, contributors }) => [
          ...holders,
          ...contributors.map(({ nameCommitment }) => nameCommitment),
        ]),
      ),
    ]);
    return {
      query: { digest },
      checkpoint,
      treeSize,
      witnesses: witnessesOn(checkpoint),
      matches: current.map(({ matched, owners, parents, transfers }, i) => {
        const { model, license, run, datasets, holders, contributors, precededBy, recordedAt, indexes } = recorded[i]!;
        return {
          matched,
          model,
          owners: owners.map(({ nameCommitment, ...owner }) => ({ ...owner, name: names.get(nameCommitment) ?? null })),
          contributors: contributors.map(({ nameCommitment, ...contributor }) => ({
            ...contributor,
            name: recordedNames.get(nameCommitment) ?? null,
          })),
          license,
          run,
          datasets: datasets.map((dataset, at) => ({
            ...dataset,
            holder: { ...(dataset['holder'] as object), name: recordedNames.get(holders[at]!) ?? null },
          })),
          parents,
          precededBy,
          recordedAt,
          receipts: {
            registration: receipts.get(indexes.registration)!,
            run: indexes.run === null ? null : receipts.get(indexes.run)!,
            datasets: indexes.datasets.map((index) => receipts.get(index)!),
            transfers: shownOf(transfers)?.map((places) => places.map((index) => receipts.get(index)!)) ?? null,
          },
        };
      }),
      possessions: possessed.map((each) => ({
        ...each,
        receipts: {
          sealed: receipts.get(each.sealedIndex)!,
          opening: receipts.get(each.openedIndex)!,
          others: otherOpenings(each).map((index) => receipts.get(index)!),
        },
      })),
    };
  }

  async #namesOf(commitments: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
    return commitments.length === 0 ? new Map() : (await findNames(this.database, commitments)).names;
  }

  /** What statements say never changes, so it is read once. */
  async #recordedOf(registrationIds: readonly string[]): Promise<Recorded[]> {
    const found = new Map(registrationIds.map((id) => [id, this.#recorded.get(id)]));
    const missing = registrationIds.filter((id) => found.get(id) === undefined);
    if (missing.length > 0) {
      if (this.#recorded.size >= MAX_KEPT) this.#recorded.clear();
      for (const row of await findRecorded(this.database, missing)) {
        this.#recorded.set(row.registrationId, row);
        found.set(row.registrationId, row);
      }
    }
    return registrationIds.map((id) => {
      const row = found.get(id);
      if (row === undefined) throw new RegistryError('ledger_inconsistent', `The registration ${id} is missing.`);
      return row;
    });
  }
}

/** Where fields were revealed beside the digest that was asked for, in log order. */
const otherOpenings = ({ stated, openedIndex }: Found['possessed'][number]): number[] => [
  ...new Set(stated.map((each) => each.openedIndex).filter((index) => index !== openedIndex)),
];
