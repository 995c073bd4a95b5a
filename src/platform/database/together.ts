/**
 * Several changes in one statement (data-modifying `WITH`): one message to the database, one plan, one answer. All of
 * them see the rows as they were before the statement, so no two may change the same row.
 */
import type { EntityManager } from 'typeorm';
import { prepared } from './prepared.ts';

/** SQL text of one change; `bind` takes a value and returns the parameter that stands for it. */
export type Change = (bind: (value: unknown) => string) => string;

/** @returns how many rows the first change, which has a `RETURNING`, touched */
export async function together(manager: EntityManager, first: Change, others: readonly Change[]): Promise<number> {
  const values: unknown[] = [];
  const bind = (value: unknown) => `$${values.push(value)}`;
  const parts = [first, ...others].map((change, i) => `change_${i} AS (${change(bind)})`);
  const [row] = await prepared<{ touched: string }>(
    manager,
    `WITH ${parts.join(', ')} SELECT count(*) AS touched FROM change_0`,
    values,
  );
  return Number(row?.touched);
}
