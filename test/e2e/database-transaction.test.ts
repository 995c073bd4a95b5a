import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import type { EntityManager } from 'typeorm';
import type { Change } from '../../src/platform/database/index.ts';
import { dataSourceOptions, together, transaction } from '../../src/platform/database/index.ts';
import { createTestDatabase, query } from '../support/postgres.ts';
import type { TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
/** One connection: a transaction that did not give it back would leave none to the next. */
let source: DataSource;

beforeAll(async () => {
  database = await createTestDatabase();
  await query(database.superuserUrl, 'CREATE TABLE thing (name text PRIMARY KEY, size int NOT NULL CHECK (size > 0))');
  await query(database.superuserUrl, 'GRANT ALL ON thing TO PUBLIC');
  source = await new DataSource(dataSourceOptions(database.appUrl.reveal(), [], 1)).initialize();
});
beforeEach(() => query(database.superuserUrl, `DELETE FROM thing; INSERT INTO thing VALUES ('first', 1)`));
afterAll(async () => {
  await source.destroy();
  await database.drop();
});

const add =
  (name: string, size = 1): Change =>
  (bind) =>
    `INSERT INTO thing VALUES (${bind(name)}, ${bind(size)}) RETURNING 1`;
const grow =
  (name: string): Change =>
  (bind) =>
    `UPDATE thing SET size = size + 1 WHERE name = ${bind(name)} RETURNING 1`;
const insert = (manager: EntityManager, name: string, size = 1) => together(manager, add(name, size), []);

async function names(): Promise<string[]> {
  const rows = await query<{ name: string }>(database.superuserUrl, 'SELECT name FROM thing ORDER BY name');
  return rows.map(({ name }) => name);
}

/** The connection is good for the next transaction. */
async function goesOn(): Promise<void> {
  await transaction(source, (manager) => insert(manager, 'next'));
  expect(await names()).toContain('next');
}

it('commits what was done, with a COMMIT of its own or one that was sent behind the last query', async () => {
  expect(await transaction(source, (manager) => insert(manager, 'a').then(() => 'done'))).toBe('done');
  await transaction(source, (manager, commit) => commit(insert(manager, 'b')));
  expect(await names()).toEqual(['a', 'b', 'first']);
});

it('rolls everything back when a query fails ahead of the COMMIT that was sent behind it', async () => {
  const failed = transaction(source, async (manager, commit) => {
    await insert(manager, 'a');
    await commit(insert(manager, 'b', 0));
  });
  await expect(failed).rejects.toMatchObject({ code: '23514' });
  expect(await names()).toEqual(['first']);
  await goesOn();
});

it('does not take a rollback for a commit when nobody asked about the query that failed', async () => {
  const failed = transaction(source, (manager, commit) => {
    insert(manager, 'a', 0).catch(() => undefined);
    return commit(Promise.resolve());
  });
  await expect(failed).rejects.toThrow('rolled back');
  expect(await names()).toEqual(['first']);
  await goesOn();
});

it('rolls back what a failed work did', async () => {
  const failed = transaction(source, async (manager) => {
    await insert(manager, 'a');
    throw new Error('changed my mind');
  });
  await expect(failed).rejects.toThrow('changed my mind');
  expect(await names()).toEqual(['first']);
  await goesOn();
});

it('makes several changes at once, or none where the first touches nothing', async () => {
  await transaction(source, (manager) => together(manager, grow('first'), [add('a'), add('b')]));
  expect(await names()).toEqual(['a', 'b', 'first']);
  const failed = transaction(source, (manager, commit) => commit(together(manager, grow('nobody'), [add('c')])));
  await expect(failed).rejects.toMatchObject({ code: 'ledger_inconsistent' });
  expect(await names()).toEqual(['a', 'b', 'first']);
  await goesOn();
});
