/**
 * One page of statements: each row present, its payload read strictly, its columns what the payload says, its entry and
 * leaf hash recomputed from payload, signature and key.
 */
import { equalBytes, fromBase64, fromHex, toBase64 } from '../../core/bytes.ts';
import type { Sha256 } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import { leafHash } from '../../core/merkle/tree.ts';
import { innerSignaturesOf, readersOf } from '../../core/registry/index.ts';
import type { Spoken } from '../../core/registry/kind.ts';
import { readSpoken } from '../../core/registry/spoken.ts';
import { pae } from '../../core/statement/dsse.ts';
import { entryOf } from '../../core/statement/receipt.ts';
import type { StatementRow } from './fsck.store.ts';
import type { Findings } from './report.ts';

/** ECDSA P-256 with SHA-256, as in `core/registry/spoken`, or the same done by other threads. */
export type VerifyP256Async = (spki: string, message: Uint8Array, signature: Uint8Array) => Promise<boolean> | boolean;

export interface ReadStatement {
  readonly index: number;
  /** Undefined when the row is missing or makes no entry */
  readonly leaf: Uint8Array | undefined;
  readonly entry: Uint8Array | undefined;
  /** Undefined when the payload is no statement */
  readonly spoken: Spoken | undefined;
  /** The row contradicts itself, so its leaf is not to be believed */
  readonly suspect: boolean;
}

const TABLE = 'ledger.statement';

/** The statements `from` ≤ index < `to`, each one there or named as missing. */
export function readPage(
  sha256: Sha256,
  rows: readonly StatementRow[],
  from: number,
  to: number,
  findings: Findings,
): ReadStatement[] {
  const byIndex = new Map(rows.map((row) => [row.index, row]));
  return Array.from({ length: to - from }, (_, i) => {
    const index = from + i;
    const row = byIndex.get(index);
    if (row !== undefined) return readRow(sha256, row, findings);
    findings.add('statement_missing', TABLE, String(index), `Statement ${index} is missing.`);
    return { index, leaf: undefined, entry: undefined, spoken: undefined, suspect: true };
  });
}

function readRow(sha256: Sha256, row: StatementRow, findings: Findings): ReadStatement {
  const { index } = row;
  const spki = toBase64(row.spki);
  findings.checked.statements++;
  const entry = entryOf(sha256, row.payload, row.signature, row.spki);
  const found = { index, entry, leaf: leafHash(sha256, entry) };
  let spoken: Spoken;
  try {
    spoken = readSpoken(sha256, row.payload, spki);
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const message = `The payload of statement ${index} is no statement: ${error.message}`;
    findings.add('statement_malformed', TABLE, String(index), message);
    return { ...found, spoken: undefined, suspect: true };
  }
  const wrong = [
    ...(equalBytes(row.payloadDigest, fromHex(spoken.payloadDigest.slice('sha256:'.length))) ? [] : ['payload_digest']),
    ...(row.kind === spoken.kind.kind ? [] : ['kind']),
    ...(row.maker === spoken.common.maker ? [] : ['maker']),
    ...(row.visibility === (readersOf(spoken) === null ? 'public' : 'parties') ? [] : ['visibility']),
  ];
  if (wrong.length > 0) {
    const message = `Statement ${index}: ${wrong.join(', ')} and the payload do not agree.`;
    findings.add('statement_columns', TABLE, String(index), message);
  }
  return { ...found, spoken, suspect: wrong.includes('payload_digest') };
}

/** Verifies the signature of each statement, and those inside it. */
export async function verifySignatures(
  verify: VerifyP256Async,
  rows: readonly StatementRow[],
  statements: readonly ReadStatement[],
  findings: Findings,
): Promise<void> {
  const spokenAt = new Map(statements.map(({ index, spoken }) => [index, spoken]));
  await Promise.all(
    rows.map(async ({ index, payload, signature, spki }) => {
      const spoken = spokenAt.get(index);
      const all = [
        { spki: toBase64(spki), message: pae(payload), signature, field: 'the envelope' },
        ...(spoken === undefined
          ? []
          : innerSignaturesOf(spoken).map((inner) => ({ ...inner, signature: decode(inner.signature) }))),
      ];
      for (const { spki, message, signature, field } of all) {
        findings.checked.signatures++;
        if (await verifies(verify, spki, message, signature)) continue;
        const text = `The signature of statement ${index} in ${field} does not verify.`;
        findings.add('signature_invalid', TABLE, String(index), text);
      }
    }),
  );
}

/** A key that is none, or not on the curve, verifies nothing. */
async function verifies(verify: VerifyP256Async, spki: string, message: Uint8Array, signature: Uint8Array) {
  try {
    return await verify(spki, message, signature);
  } catch (error) {
    if (error instanceof RegistryError) return false;
    throw error;
  }
}

function decode(base64: string): Uint8Array {
  try {
    return fromBase64(base64);
  } catch (error) {
    if (error instanceof RegistryError) return new Uint8Array(0);
    throw error;
  }
}
