/**
 * The table of what log witnesses signed: each row is a cosignature that holds, under the key beside it, on the published
 * checkpoint of its size. A row that is gone is not missed: whoever got it still has it. What the checkpoint itself is
 * worth is told where the checkpoints are checked.
 */
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { cosignatureVerifier, formatCosignature } from '../../core/note/cosignature.ts';
import type { Ed25519Verify } from '../../core/note/note.ts';
import { formatNote, openNote, parseNote } from '../../core/note/note.ts';
import { parseVerifierKey } from '../../core/note/verifier-key.ts';
import type { CosignatureRow } from './attestations.store.ts';
import type { Findings } from './report.ts';
import * as attestations from './attestations.store.ts';
import type { Snapshot } from './snapshot.ts';

const TABLE = 'ledger.cosignature';

interface Crypto {
  readonly sha256: Sha256;
  readonly verifyEd25519: Ed25519Verify;
}

export async function checkCosignatures(crypto: Crypto, snapshot: Snapshot, findings: Findings): Promise<void> {
  for await (const page of attestations.cosignatures(snapshot)) {
    for (const row of page) {
      findings.checked.cosignatures++;
      const wrong = await whatIsWrong(crypto, row);
      if (wrong === undefined) continue;
      const key = `${row.size} ${row.verifierKey}`;
      findings.add('cosignature_wrong', TABLE, key, `The cosignature ${key} in ${TABLE} does not hold: ${wrong}`);
    }
  }
}

async function whatIsWrong({ sha256, verifyEd25519 }: Crypto, row: CosignatureRow): Promise<string | undefined> {
  if (row.note === null) return 'no checkpoint of that size was published.';
  try {
    const verifier = cosignatureVerifier(sha256, parseVerifierKey(sha256, row.verifierKey), verifyEd25519);
    const signature = formatCosignature({ time: row.cosignedAt, signature: row.signature });
    const { name, keyId } = verifier;
    await openNote(formatNote(parseNote(row.note).text, [{ name, keyId, signature }]), [verifier]);
    return undefined;
  } catch (error) {
    if (error instanceof RegistryError) return error.message;
    throw error;
  }
}
