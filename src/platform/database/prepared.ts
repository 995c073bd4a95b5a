/**
 * Prepared statements, for the few queries that are asked so often that planning them each time would cost more than
 * running them. TypeORM has no name for a query, so these go to its connection pool directly.
 */
import type { Pool } from 'pg';
import type { DataSource } from 'typeorm';

/** @param name unique for the text within the program */
export async function prepared<Row extends object>(
  database: DataSource,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  const pool = (database.driver as unknown as { master: Pool }).master;
  return (await pool.query<Row>({ name, text, values: [...values] })).rows;
}
