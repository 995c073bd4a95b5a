/**
 * Near copies among all models whose fingerprint is on record. The answer is a list of candidates with their
 * fingerprints, the nearest first; whether one is related, whoever asks computes from these, and need not believe the
 * registry. It is a look-up: weights are never sent, and nothing is kept of what was asked.
 */
import { Injectable } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { parseFingerprint, parseRetrieval } from '../core/fingerprint/document.ts';
import type { FingerprintDocument } from '../core/fingerprint/document.ts';
import { nearness } from '../core/fingerprint/evidence.ts';
import { simHash } from '../core/fingerprint/simhash.ts';
import { fingerprint } from '../core/registry/index.ts';
import type { FingerprintBody } from '../core/registry/fingerprint.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency, Write } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import { ModelService } from '../models/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { FingerprintView, SimilarQuery, SimilarView, Stranger } from './fingerprint.schema.ts';
import type { Shortlisted } from './fingerprint.store.ts';
import { Turns } from './turns.ts';
import { describe, fingerprintsOf, hasNearIndex, shortlistByIndex, shortlistByScan } from './fingerprint.store.ts';
import { strangersOf } from './stranger.store.ts';

/** Models that are looked at exactly: of the nearest ten by bits alone not all are the nearest ten. */
export const SHORTLIST = { scan: 1000, hnsw: 400 } as const;

/** A search takes every core of the database for as long as it lasts, and few of its connections. */
const AT_ONCE = 2;
const WAITING = 100;

@Injectable()
export class FingerprintService {
  readonly #turns = new Turns(AT_ONCE, WAITING);

  constructor(
    private readonly ledger: Ledger,
    private readonly models: ModelService,
    private readonly database: DataSource,
  ) {}

  record(principal: Principal, write: Write<FingerprintBody>, idempotency: Idempotency): Promise<Receipt> {
    return this.ledger.write(fingerprint, principal, write, { idempotency });
  }

  /** @throws RegistryError `not_found` for a model that is not on record */
  async of(registration: string): Promise<FingerprintView[]> {
    await this.models.get(registration);
    return fingerprintsOf(this.database.manager, registration);
  }

  /** @throws RegistryError `not_found` for a model without a fingerprint, `invalid_input` for what is no fingerprint */
  async similar(query: SimilarQuery): Promise<SimilarView> {
    const { manager } = this.database;
    for (const named of [query.registration ?? [], query.strangersTo].flat()) await this.models.get(named);
    const asked = query.fingerprint ?? (await this.#firstOf(query.registration!));
    const { scheme, retrieval, layers } = parseFingerprint(asked, 'fingerprint.');
    const by = (await hasNearIndex(manager)) ? 'hnsw' : 'scan';
    const shortlist = by === 'hnsw' ? shortlistByIndex : shortlistByScan;
    return this.#turns.take(async () => {
      const found =
        query.limit === 0 ? [] : await shortlist(manager, { scheme, simhash: simHash(retrieval) }, SHORTLIST[by]);
      return {
        by,
        candidates: await describe(manager, scheme, nearestOf(retrieval, found, query)),
        unrelated: await this.#strangersTo(query, { scheme, width: layers[0]!.width }),
      };
    });
  }

  /** Those of each model that was named, each stranger once. */
  async #strangersTo(
    { strangersTo, registration, unrelated }: SimilarQuery,
    seen: { scheme: string; width: number },
  ): Promise<Stranger[]> {
    const strangers = new Map<string, Stranger>();
    for (const candidate of unrelated === 0 ? [] : new Set(strangersTo)) {
      for (const found of await strangersOf(this.database.manager, seen, [candidate, registration], unrelated)) {
        const before = strangers.get(found.statement)?.strangerTo ?? [];
        strangers.set(found.statement, { ...found, strangerTo: [...before, candidate] });
      }
    }
    return [...strangers.values()].sort((a, b) => a.recordedIndex - b.recordedIndex);
  }

  async #firstOf(registration: string): Promise<FingerprintDocument> {
    const [first] = await this.of(registration);
    if (first !== undefined) return first.fingerprint;
    throw new RegistryError('not_found', `No fingerprint of ${registration} is on record.`, {
      field: 'registration',
      fix: 'Send the fingerprint itself: "muniment similar" computes it from the weights.',
    });
  }
}

/** The exact cosine decides. Of several fingerprints of a model the nearest counts. */
function nearestOf(
  retrieval: Int8Array,
  found: readonly Shortlisted[],
  { registration, limit }: SimilarQuery,
): (Shortlisted & { nearness: number })[] {
  const ranked = found
    .filter(({ registrationId }) => registrationId !== registration)
    .map((row) => ({ ...row, nearness: nearness(retrieval, parseRetrieval(row.retrieval)) }))
    .sort((a, b) => b.nearness - a.nearness);
  const seen = new Set<string>();
  const first = ranked.filter(({ registrationId }) => !seen.has(registrationId) && seen.add(registrationId));
  return first.slice(0, limit);
}
