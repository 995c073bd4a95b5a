/** A transaction whose BEGIN travels with its first queries and whose COMMIT may travel with its last. */
import type { PoolClient, QueryResult } from 'pg';
import type { DataSource, EntityManager, QueryRunner } from 'typeorm';
import { connections } from './prepared.ts';

/**
 * Sends the COMMIT right behind a query that is already on its way, made by `prepared` or `together`; where that query
 * fails, PostgreSQL rolls back instead.
 * @param last its answer, which is awaited, too
 */
export type Commit = <T>(last: Promise<T>) => Promise<T>;

/**
 * Runs `work` in one READ COMMITTED transaction on a connection of its own, and commits what it did or nothing.
 * @param work may commit with its last query; otherwise the transaction does after it
 * @throws what `work` or the database throws; after an error in the commit nobody knows whether it arrived
 */
export async function transaction<T>(
  database: DataSource,
  work: (manager: EntityManager, commit: Commit) => Promise<T>,
): Promise<T> {
  const runner = database.createQueryRunner() as QueryRunner & { releasePostgresConnection(broken?: Error): unknown };
  const client = (await runner.connect()) as PoolClient;
  connections.set(runner, client);
  let sent: Promise<QueryResult> | undefined;
  const commit: Commit = async (last) => {
    sent ??= client.query('COMMIT');
    // The error of the query says more than that of the COMMIT behind it.
    const [answer, { command }] = await inOrder(last, sent);
    // PostgreSQL answers so, and with no error, where a query before it failed.
    if (command !== 'COMMIT') throw new Error('The transaction was rolled back.');
    return answer;
  };
  try {
    const begun = client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    const [outcome, beginning] = await Promise.allSettled([work(runner.manager, commit), begun]);
    if (beginning.status === 'rejected') throw beginning.reason;
    if (outcome.status === 'rejected') {
      const [ending] = await Promise.allSettled([sent ?? client.query('ROLLBACK')]);
      if (ending.status === 'fulfilled') await runner.release();
      throw outcome.reason;
    }
    if (sent === undefined) await commit(Promise.resolve());
    await runner.release();
    return outcome.value;
  } finally {
    // A connection whose transaction did not end as it should is closed, not lent to the next.
    if (!runner.isReleased) runner.releasePostgresConnection(new Error('The transaction did not end.'));
  }
}

async function inOrder<A, B>(first: Promise<A>, second: Promise<B>): Promise<[A, B]> {
  const [a, b] = await Promise.allSettled([first, second]);
  if (a.status === 'rejected') throw a.reason;
  if (b.status === 'rejected') throw b.reason;
  return [a.value, b.value];
}
