/**
 * Judging what a log shows against what the reader believes. A log that the trust file names must have signed; of one
 * that it does not name, all can fit together and still be made up by whoever answered, so the best verdict is
 * `consistent, origin unproven`, and never an error: it says exactly what was found. Where the reader wants witnesses, a
 * checkpoint that too few operators have cosigned is the log's word alone, which may be another one for somebody else.
 */
import type { Sha256 } from '../digest.ts';
import { RegistryError } from '../errors.ts';
import type { Checkpoint } from '../note/checkpoint.ts';
import { openCheckpoint, parseCheckpoint } from '../note/checkpoint.ts';
import type { Ed25519Verify } from '../note/note.ts';
import { cosignatureVerifier } from '../note/cosignature.ts';
import { ed25519Verifier, parseNote } from '../note/note.ts';
import { parseVerifierKey } from '../note/verifier-key.ts';
import type { Spoken } from '../registry/kind.ts';
import type { VerifyP256 } from '../registry/spoken.ts';
import type { Receipt } from '../statement/receipt.ts';
import { receiptSchema, verifyReceipt } from '../statement/receipt.ts';
import { zodProblem } from '../statement/zod-problem.ts';
import type { Trust } from './trust-file.ts';
import { witnessesOf } from './trust-file.ts';
import type { WitnessLevel } from './witnesses.ts';
import { readWitnesses, witnessLevel } from './witnesses.ts';

export const PROVED = 'proved';
export const UNWITNESSED = 'signed by the log, witness quorum not met';
export const UNPROVEN = 'consistent, origin unproven';
/** Of a log that is not trusted, whose first entry names one that is. */
export const SUCCEEDED = 'follows a log that you trust, origin unproven';
export type Verdict = typeof PROVED | typeof UNWITNESSED | typeof SUCCEEDED | typeof UNPROVEN;

export interface JudgedCheckpoint extends Checkpoint {
  readonly verdict: Verdict;
  /** Null for a log that is not trusted: then nothing tells whose the cosignatures are. */
  readonly witnessed: WitnessLevel | null;
  /** Verbatim: evidence, should the log ever tell something else */
  readonly note: string;
}

/**
 * @throws RegistryError `malformed_note`; for a log that is trusted `signature_invalid` and `checkpoint_untrusted`
 */
export async function verifyCheckpoint(
  { sha256, verifyEd25519 }: { sha256: Sha256; verifyEd25519: Ed25519Verify },
  note: string,
  trust: Trust,
): Promise<JudgedCheckpoint> {
  const claimed = parseCheckpoint(parseNote(note).text);
  const log = trust.logs.find(({ origin }) => origin === claimed.origin);
  if (log === undefined) return { ...claimed, verdict: UNPROVEN, witnessed: null, note };
  const former = (log.formerKeys ?? []).filter(({ until }) => claimed.size <= until);
  const logKeys = [log, ...former].map(({ verifierKey }) => parseVerifierKey(sha256, verifierKey));
  const trusted = witnessesOf(log);
  const witnessKeys = readWitnesses(sha256, trusted, logKeys[0]);
  const { checkpoint, verified } = await openCheckpoint(note, log.origin, [
    ...logKeys.map((key) => ed25519Verifier(sha256, key, verifyEd25519)),
    ...witnessKeys.map((key) => cosignatureVerifier(sha256, key, verifyEd25519)),
  ]);
  const witnessed = witnessLevel(trusted, witnessKeys, verified);
  return { ...checkpoint, verdict: witnessed.met ? PROVED : UNWITNESSED, witnessed, note };
}

/**
 * A receipt, whole: form, checkpoint, statement and its signatures, place in the tree, and that the statement was made
 * for the log that holds it.
 * @throws RegistryError `malformed_proof`, `malformed_statement`, `proof_invalid`, `signature_invalid`, and as
 * `verifyCheckpoint`
 */
export async function verifyReceiptAgainst(
  crypto: { sha256: Sha256; verifyEd25519: Ed25519Verify; verifyP256: VerifyP256 },
  receipt: Receipt,
  trust: Trust,
): Promise<{ spoken: Spoken; checkpoint: JudgedCheckpoint }> {
  const read = receiptSchema.safeParse(receipt);
  if (!read.success) throw zodProblem(read.error, 'malformed_proof');
  const checkpoint = await verifyCheckpoint(crypto, read.data.checkpoint, trust);
  const spoken = await verifyReceipt(crypto.sha256, crypto.verifyP256, read.data, checkpoint);
  if (spoken.common.origin !== checkpoint.origin) {
    throw new RegistryError(
      'proof_invalid',
      `The statement was made for the log "${spoken.common.origin}", and stands in "${checkpoint.origin}".`,
      { field: 'envelope.payload' },
    );
  }
  return { spoken, checkpoint };
}
