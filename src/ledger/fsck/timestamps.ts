/**
 * Holds the stored timestamps against what they are over: the note of a published checkpoint, or the signature of an
 * entry, or a document that a statement names. Each is verified whole, up to the trusted roots where these were handed in. A timestamp that is gone is no
 * fault: whoever holds it still has its proof.
 */
import { fromBase64 } from '../../core/bytes.ts';
import { parseDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { TimestampCrypto } from '../../core/time/index.ts';
import { stampedNote, verifyTimestamp } from '../../core/time/index.ts';
import type { DocumentTimestampRow, TimestampRow } from './attestations.store.ts';
import type { Findings } from './report.ts';
import * as attestations from './attestations.store.ts';
import type { Snapshot } from './snapshot.ts';

const PAGE = 500;
const TABLE = 'ledger.timestamp';
/** Their replies have 16 KiB each at most. */
const DOCUMENT_PAGE = 100;
const DOCUMENT_TABLE = 'registry.document_timestamp';

/** @param roots DER in base64; undefined where nobody is to vouch for the authorities */
export async function checkTimestamps(
  crypto: TimestampCrypto,
  snapshot: Snapshot,
  findings: Findings,
  roots: readonly string[] | undefined,
): Promise<void> {
  let last: Pick<TimestampRow, 'kind' | 'number'> = { kind: '', number: -1 };
  for (;;) {
    const page = await attestations.timestamps(snapshot, last.kind, last.number, PAGE);
    for (const row of page) {
      findings.checked.timestamps++;
      const fault = faultOf(crypto, row, roots);
      if (fault === undefined) continue;
      const key = `${row.kind} ${row.number}`;
      findings.add('timestamp_wrong', TABLE, key, `The row ${key} of ${TABLE}: ${fault}`);
    }
    if (page.length < PAGE) return;
    last = page.at(-1)!;
  }
}

/** The same for documents: the fold takes the registrar's word for what an authority said, so here it is read again. */
export async function checkDocumentTimestamps(
  crypto: TimestampCrypto,
  snapshot: Snapshot,
  findings: Findings,
  roots: readonly string[] | undefined,
): Promise<void> {
  let last = -1;
  for (;;) {
    const page = await attestations.documentTimestamps(snapshot, last, DOCUMENT_PAGE);
    for (const row of page) {
      findings.checked.timestamps++;
      const fault = documentFault(crypto, row, roots);
      if (fault === undefined) continue;
      findings.add('timestamp_wrong', DOCUMENT_TABLE, row.id, `The row ${row.id} of ${DOCUMENT_TABLE}: ${fault}`);
    }
    if (page.length < DOCUMENT_PAGE) return;
    last = page.at(-1)!.index;
  }
}

function documentFault(
  crypto: TimestampCrypto,
  { documentDigest, time, timestamp }: DocumentTimestampRow,
  roots: readonly string[] | undefined,
): string | undefined {
  try {
    const data = { sha256: parseDigest(documentDigest) };
    const told = verifyTimestamp(crypto, fromBase64(timestamp), { data, roots }).time.toISOString();
    return told === time ? undefined : `the authority said ${told}, and the statement ${time}.`;
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
}

function faultOf(
  crypto: TimestampCrypto,
  { kind, number, reply, note, signature }: TimestampRow,
  roots: readonly string[] | undefined,
): string | undefined {
  if (note === null && signature === null) return `there is no ${kind} ${number} that it could be over.`;
  try {
    const data = note === null ? signature! : stampedNote(note).bytes;
    verifyTimestamp(crypto, reply, { data, roots });
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
}
