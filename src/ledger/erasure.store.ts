/**
 * What an erasure takes away, in the transaction that records it: the values and salts themselves, and what else could
 * tell them. The digest of a request under an idempotency key is one over the plain value, and a name is soon guessed.
 */
import type { EntityManager } from 'typeorm';
import type { RowChange, Tables } from '../core/registry/tables.ts';

/** Asks nothing of the database unless a commitment is among the changes as erased. */
export async function eraseValues(manager: EntityManager, changes: readonly RowChange[]): Promise<void> {
  const erased = changes
    .filter(({ table }) => table === 'commitment')
    .map(({ row }) => row as Tables['commitment'])
    .filter(({ erasedIndex }) => erasedIndex !== null);
  if (erased.length === 0) return;
  await manager.query(`DELETE FROM registry.disclosure WHERE commitment = ANY ($1::text[])`, [
    erased.map(({ commitment }) => commitment),
  ]);
  await manager.query(`DELETE FROM ops.idempotency WHERE statement_index = ANY ($1::bigint[])`, [
    erased.map(({ recordedIndex }) => recordedIndex),
  ]);
}
