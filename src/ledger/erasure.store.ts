/**
 * What an erasure takes away, in the transaction that records it: the values and salts themselves, and what else could
 * tell them. The digest of a request under an idempotency key is one over the plain value, and a name is soon guessed.
 */
import type { EntityManager } from 'typeorm';
import type { RowChange, Tables } from '../core/registry/tables.ts';

/** The commitments among the changes that are erased. */
export const erasedBy = (changes: readonly RowChange[]): Tables['commitment'][] =>
  changes
    .filter(({ table }) => table === 'commitment')
    .map(({ row }) => row as Tables['commitment'])
    .filter(({ erasedIndex }) => erasedIndex !== null);

/** Comes after the write of a batch, which may hold both a value and its erasure. */
export async function eraseValues(manager: EntityManager, erased: readonly Tables['commitment'][]): Promise<void> {
  await manager.query(`DELETE FROM registry.disclosure WHERE commitment = ANY ($1::text[])`, [
    erased.map(({ commitment }) => commitment),
  ]);
  await manager.query(`DELETE FROM ops.idempotency WHERE statement_index = ANY ($1::bigint[])`, [
    erased.map(({ recordedIndex }) => recordedIndex),
  ]);
}
