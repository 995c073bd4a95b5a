/**
 * Several changes in one statement (data-modifying `WITH`): one message to the database, one plan, one answer. All of
 * them see the rows as they were before the statement, so no two may change the same row.
 */
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../../core/errors.ts';
import { prepared } from './prepared.ts';

/** SQL text of one change; `bind` takes a value and returns the parameter that stands for it. */
export type Change = (bind: (value: unknown) => string) => string;

/** SQLSTATE of a division by zero, by which the statement fails where the first change touched nothing. */
const DIVISION_BY_ZERO = '22012';

/**
 * All of the changes, or none where the first, which has a `RETURNING`, touches no row.
 * @throws RegistryError `ledger_inconsistent` in that case, and what the database throws
 */
export async function together(manager: EntityManager, first: Change, others: readonly Change[]): Promise<void> {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const parts = [first, ...others].map((change, i) => `change_${i} AS (${change(bind)})`);
  try {
    await prepared(manager, `WITH ${parts.join(', ')} SELECT 1 / count(*) FROM change_0`, values);
  } catch (cause) {
    if ((cause as { code?: unknown }).code !== DIVISION_BY_ZERO) throw cause;
    throw new RegistryError('ledger_inconsistent', 'A row changed that was locked against changes.', { cause });
  }
}
