/** A transaction whose BEGIN travels with its first queries: every write waits once less than with TypeORM's own. */
import type { PoolClient } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';

/**
 * Runs `work` in one READ COMMITTED transaction on a connection of its own, and commits what it did or nothing.
 * @throws what `work` or the database throws; after an error in the commit nobody knows whether it arrived
 */
export async function transaction<T>(database: DataSource, work: (manager: EntityManager) => Promise<T>): Promise<T> {
  const runner = database.createQueryRunner() as QueryRunner & { releasePostgresConnection(broken?: Error): unknown };
  const client = (await runner.connect()) as PoolClient;
  try {
    const begun = client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const [outcome, beginning] = await Promise.allSettled([work(runner.manager), begun]);
    if (beginning.status === 'rejected') throw beginning.reason;
    if (outcome.status === 'rejected') {
      await client.query('ROLLBACK');
      await runner.release();
      throw outcome.reason;
    }
    const { command } = await client.query('COMMIT');
    // PostgreSQL answers so, and with no error, where a query failed that nobody asked about.
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back.');
    await runner.release();
    return outcome.value;
  } finally {
    // A connection whose transaction did not end as it should is closed, not lent to the next.
    if (!runner.isReleased) runner.releasePostgresConnection(new Error('The transaction did not end.'));
  }
}
