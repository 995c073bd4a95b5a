/**
 * Prepared statements, for queries that are asked so often that planning them each time would cost more than running
 * them. TypeORM has no name for a query, so these go to its connections directly.
 */
import type { Pool, PoolClient } from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';

/** Each connection keeps the plan of each name: texts beyond this many are planned anew each time. */
const MAX_NAMES = 250;
const names = new Map<string, string>();

/** Connections of transactions, known without waiting: their queries go out in the order in which they are made. */
export const connections = new WeakMap<QueryRunner, PoolClient>();

/** @param manager of a transaction, in which the query then runs, or of the pool */
export async function prepared<Row extends object>(
  manager: EntityManager,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const name = nameOf(text);
  const query = { text, values: [...values], ...(name === undefined ? {} : { name }) };
  const { queryRunner, dataSource } = manager;
  const connection = queryRunner
    ? (connections.get(queryRunner) ?? ((await queryRunner.connect()) as PoolClient))
    : (dataSource.driver as unknown as { master: Pool }).master;
  return (await connection.query<Row>(query)).rows;
}

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MAX_NAMES) return known;
  const name = `muniment_${names.size}`;
  names.set(text, name);
  return name;
}
