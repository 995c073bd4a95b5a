/**
 * Holds the stored timestamps against what they are over: the note of a published checkpoint, or the signature of an
 * entry. Each is verified whole, up to the trusted roots where these were handed in. A timestamp that is gone is no
 * fault: whoever holds it still has its proof.
 */
import { RegistryError } from '../../core/errors.ts';
import type { TimestampCrypto } from '../../core/time/index.ts';
import { stampedNote, verifyTimestamp } from '../../core/time/index.ts';
import type { TimestampRow } from './attestations.store.ts';
import type { Findings } from './report.ts';
import * as attestations from './attestations.store.ts';
import type { Snapshot } from './snapshot.ts';

const PAGE = 500;
const TABLE = 'ledger.timestamp';

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
