/**
 * Outside timestamps over documents. A party hands in what an authority replied, and the registrar puts on record what
 * is verified: a reply that does not hold, or that nobody vouches for whom this registry trusts, never gets there.
 */
import { Inject, Injectable } from '@nestjs/common';
import { fromBase64 } from '../core/bytes.ts';
import { formatDigest, parseDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import type { DocumentTimestampBody } from '../core/registry/document-timestamp.ts';
import { documentTimestamp } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Timestamp } from '../core/time/index.ts';
import { verifyTimestamp } from '../core/time/index.ts';
import type { Idempotency } from '../ledger/index.ts';
import { Ledger, TSA_ROOTS } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { sha256, timestampCrypto } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import type { RecordTimestamp, TimestampQuery, TimestampView } from './timestamp.schema.ts';
import { findTimestamp, firstAfter, listTimestamps } from './timestamp.store.ts';

/** The authority's clock and the registry's may be that far apart; an entry within it counts as recorded before. */
const CLOCK_MARGIN_MS = 5 * 60_000;

@Injectable()
export class TimestampService {
  constructor(
    private readonly ledger: Ledger,
    private readonly database: DataSource,
    @Inject(TSA_ROOTS) private readonly roots: readonly string[],
  ) {}

  /** @throws RegistryError `timestamp_invalid`, `timestamp_unavailable`, `proof_invalid` for a time to come */
  async record(
    { partyId }: Principal,
    { id, documentDigest, timestamp }: RecordTimestamp,
    idempotency: Idempotency,
  ): Promise<Receipt> {
    const told = this.#verify(documentDigest, timestamp);
    // An entry that is being written now may be missed. Nobody could have read it before the document was stamped.
    const place = await firstAfter(this.database.manager, new Date(told.time.getTime() + CLOCK_MARGIN_MS));
    const body: DocumentTimestampBody = {
      documentDigest,
      timestamp,
      time: told.time.toISOString(),
      authority: told.authority,
      root: formatDigest(sha256(told.root!)),
      firstAfter: place,
    };
    // All such statements have one maker; the keys of those who hand them in are their own.
    const own = idempotency && { ...idempotency, key: `${partyId} ${idempotency.key}` };
    return this.ledger.attest(documentTimestamp, { maker: this.ledger.registryParty, id, body }, { idempotency: own });
  }

  /** @throws RegistryError `not_found` */
  async get(id: string): Promise<TimestampView> {
    const found = await findTimestamp(this.database.manager, id);
    if (found === undefined) {
      throw new RegistryError('not_found', `There is no document timestamp ${id}.`, { field: 'id' });
    }
    return found;
  }

  list(query: TimestampQuery): Promise<TimestampView[]> {
    return listTimestamps(this.database.manager, query);
  }

  #verify(documentDigest: DocumentTimestampBody['documentDigest'], timestamp: string): Timestamp {
    if (this.roots.length === 0) {
      throw new RegistryError('timestamp_invalid', 'This registry trusts no timestamp authority.', {
        field: 'timestamp',
        fix: 'Ask the registrar to set MUNIMENT_TSA_ROOTS.',
      });
    }
    try {
      const data = { sha256: parseDigest(documentDigest, 'documentDigest') };
      return verifyTimestamp(timestampCrypto, fromBase64(timestamp), { data, roots: this.roots });
    } catch (error) {
      if (!(error instanceof RegistryError) || error.field !== undefined) throw error;
      // The authority refused long ago, whoever hands that in now: it is no fault of ours that trying again would mend.
      throw new RegistryError('timestamp_invalid', error.message, { field: 'timestamp', cause: error });
    }
  }
}
