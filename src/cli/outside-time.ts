/**
 * Since when, at the latest, a record existed, by the word of an authority outside the registry. The registry hands out
 * the authority's token and the proof; judged here, they need nobody's clock but the authority's.
 */
import { RegistryError } from '../core/errors.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { JudgedTime } from '../core/trust/index.ts';
import { sha256, timestampCrypto, verifyEd25519 } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { trustOf } from './trust-store.ts';

/** @throws RegistryError `timestamp_invalid`, `proof_invalid` for a time that the receipt shows and that does not hold */
export async function judgeTime(context: Context, receipt: Receipt): Promise<JudgedTime | null> {
  if (receipt.time === undefined) return null;
  // Loaded with its parser of certificates only where there is a time to judge.
  const { verifyReceiptTime } = await import('../core/trust/receipt-time.ts');
  return verifyReceiptTime({ sha256, verifyEd25519, timestampCrypto }, receipt, await trustOf(context));
}

/** The receipt with the outside time that the registry has for it; a receipt that has one keeps it. */
export async function withTime(client: Client, receipt: Receipt): Promise<Receipt> {
  if (receipt.time !== undefined) return receipt;
  try {
    const { time } = await client.get<Receipt>(`/v1/receipts/${receipt.statement}`);
    return time === undefined ? receipt : { ...receipt, time };
  } catch (error) {
    // Nothing to show is no lie; whatever else goes wrong is told.
    if (error instanceof RegistryError && error.code === 'not_found') return receipt;
    throw error;
  }
}

/** For people. */
export function describeTime(
  time: Pick<JudgedTime, 'authority' | 'existedBefore' | 'trusted'> | null,
): string | undefined {
  if (time === null) return undefined;
  const { existedBefore, authority, trusted } = time;
  return trusted
    ? `${existedBefore}, attested by ${authority}`
    : `${existedBefore}, says ${authority}, whom your trust file does not vouch for ("muniment trust add --tsa-root FILE")`;
}
