/** SQL of the verifier over what was given out about the log: cosignatures, outside times and receipts. */
import type { Digest } from '../../core/digest.ts';
import type { Snapshot } from './snapshot.ts';

/** Rows that a cursor fetches at a time. */
const FETCHED = 2000;

/** A cosignature, with the note of the checkpoint that it is on; null where there is none. */
export interface CosignatureRow {
  size: number;
  verifierKey: string;
  cosignedAt: number;
  signature: Uint8Array;
  note: string | null;
}

/** A stored timestamp, with what it should be over; null where there is no such thing. */
export interface TimestampRow {
  kind: string;
  number: number;
  reply: Uint8Array;
  /** Of the checkpoint of that size */
  note: string | null;
  /** Of the entry at that index */
  signature: Uint8Array | null;
}

/** All cosignatures, in order of the sizes, in pages. */
export async function* cosignatures(snapshot: Snapshot): AsyncGenerator<CosignatureRow[]> {
  await snapshot.rows(
    `DECLARE fsck_cosignature NO SCROLL CURSOR FOR
     SELECT c.size, c.verifier_key AS "verifierKey", c.cosigned_at AS "cosignedAt", c.signature, p.note
     FROM ledger.cosignature c LEFT JOIN ledger.checkpoint p USING (size) ORDER BY c.size`,
  );
  for (;;) {
    const page = await snapshot.rows<CosignatureRow>(`FETCH ${FETCHED} FROM fsck_cosignature`);
    if (page.length === 0) return;
    yield page;
  }
}

/** Timestamps behind the one that is named, in order of kind and number. */
export function timestamps(snapshot: Snapshot, kind: string, number: number, limit: number): Promise<TimestampRow[]> {
  return snapshot.rows(
    `SELECT t.kind, t.number, t.reply, c.note, s.signature FROM ledger.timestamp t
     LEFT JOIN ledger.checkpoint c ON t.kind = 'checkpoint' AND c.size = t.number
     LEFT JOIN ledger.statement s ON t.kind = 'signature' AND s.index = t.number
     WHERE (t.kind, t.number) > ($1, $2) ORDER BY t.kind, t.number LIMIT $3`,
    [kind, number, limit],
  );
}

/** An outside timestamp over a document, as its statement has it. */
export interface DocumentTimestampRow {
  id: string;
  index: number;
  documentDigest: Digest;
  time: string;
  /** Base64 */
  timestamp: string;
}

/** Those behind an index, in log order. */
export function documentTimestamps(snapshot: Snapshot, after: number, limit: number): Promise<DocumentTimestampRow[]> {
  return snapshot.rows(
    `SELECT t.id, s.index, b ->> 'documentDigest' AS "documentDigest", b ->> 'time' AS time, b ->> 'timestamp' AS timestamp
     FROM registry.document_timestamp t JOIN ledger.statement s ON s.index = t.recorded_index
     CROSS JOIN LATERAL (SELECT convert_from(s.payload, 'UTF8')::jsonb -> 'predicate' AS b) p
     WHERE s.kind = 'document-timestamp' AND s.index > $1 ORDER BY s.index LIMIT $2`,
    [after, limit],
  );
}

export async function countReceipts(snapshot: Snapshot): Promise<number> {
  const [row] = await snapshot.rows<{ count: number }>(`SELECT count(*) AS count FROM ops.idempotency`);
  return row!.count;
}

export function receiptsWithoutStatement(
  snapshot: Snapshot,
  size: number,
  limit: number,
): Promise<{ partyId: string; key: string; index: number }[]> {
  return snapshot.rows(
    `SELECT i.party_id AS "partyId", i.key, i.statement_index AS index FROM ops.idempotency i
     WHERE i.statement_index >= $1
       OR NOT EXISTS (SELECT FROM ledger.statement s WHERE s.index = i.statement_index)
     ORDER BY i.statement_index, i.party_id, i.key LIMIT $2`,
    [size, limit],
  );
}
