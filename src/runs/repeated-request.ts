/** A request for a run or a replay whose id or idempotency key is taken: the same one again, or another one. */
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../core/errors.ts';
import type { Idempotency } from '../ledger/index.ts';
import { findByIdempotencyKey } from './run.store.ts';

/**
 * @returns the id of what the same request made before
 * @throws RegistryError `idempotency_key_reused`, `already_exists`
 */
export async function madeBefore(
  manager: EntityManager,
  what: 'replay' | 'run',
  { id, owner, idempotency }: { id: string; owner: string; idempotency: Idempotency },
): Promise<string> {
  const earlier = idempotency && (await findByIdempotencyKey(manager, `${what}_request`, owner, idempotency.key));
  if (earlier === undefined) {
    throw new RegistryError('already_exists', `The ${what} ${id} exists already.`, {
      field: 'id',
      fix: 'Make a new random id.',
    });
  }
  if (earlier.requestDigest === idempotency?.requestDigest) return earlier.id;
  throw new RegistryError('idempotency_key_reused', 'The idempotency key was used for another request.', {
    field: 'Idempotency-Key',
    fix: 'Use a new key for a new request.',
  });
}
