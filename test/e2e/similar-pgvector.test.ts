/** The search for near copies with pgvector, in PGlite: PostgreSQL in WebAssembly, which ships the extension. */
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type pg from 'pg';
import type { EntityManager, QueryRunner } from 'typeorm';
import { MIGRATIONS } from '../../migrations/index.ts';
import { nearness } from '../../src/core/fingerprint/evidence.ts';
import { SCHEME } from '../../src/core/fingerprint/fingerprint.ts';
import { simHash } from '../../src/core/fingerprint/simhash.ts';
import { formatFingerprint } from '../../src/core/fingerprint/document.ts';
import { hasNearIndex, shortlistByIndex, shortlistByScan } from '../../src/fingerprints/fingerprint.store.ts';
import { makeNearIndex } from '../../src/platform/database/near-index.ts';
import { createLog } from '../../src/platform/logging/index.ts';
import { anyFingerprint, copyOf } from '../support/fingerprints.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(120_000);

const MODELS = 1200;

let database: PGlite;
const fingerprints = Array.from({ length: MODELS }, anyFingerprint);
const log = createLog({ logLevel: 'silent' });

/** What a store asks of TypeORM, asked of PGlite; of whose one session a transaction is a part as anything is. */
const manager = {
  query: async (sql: string, values?: unknown[]) => (await database.query(sql, values)).rows,
  async transaction(work: (manager: EntityManager) => Promise<unknown>) {
    await database.exec('BEGIN');
    try {
      return await work(manager);
    } finally {
      await database.exec('COMMIT');
    }
  },
} as unknown as EntityManager;
const client = { query: (sql: string) => database.query(sql) } as unknown as Pick<pg.Client, 'query'>;

beforeAll(async () => {
  database = await PGlite.create({ extensions: { vector } });
  const runner = { query: (sql: string) => database.exec(sql) } as unknown as QueryRunner;
  await database.exec('CREATE SCHEMA registry');
  await new (MIGRATIONS.find(({ name }) => name.startsWith('Fingerprints'))!)().up(runner);
});
afterAll(() => database.close());

describe('where the server has pgvector', () => {
  it('the index is made, once, and found', async () => {
    expect(await hasNearIndex(manager)).toBe(false);
    await makeNearIndex(client, log);
    await makeNearIndex(client, log);
    expect(await hasNearIndex(manager)).toBe(true);
  });

  it('what is recorded is in it at once', async () => {
    await database.query(
      `INSERT INTO registry.fingerprint (simhash, registration_id, scheme, maker, shape, retrieval, layers, outputs, statement,
         recorded_index)
       SELECT h::bit(1024), at::text, $1, 'party', '784-128-10', r, '[]', '{}', '', at
       FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS k(h, r, at)`,
      [
        SCHEME,
        fingerprints.map(({ retrieval }) => simHash(retrieval)),
        fingerprints.map((made) => formatFingerprint(made).retrieval),
      ],
    );
    for (const at of [0, 1000, MODELS - 1]) {
      const asked = { scheme: SCHEME, simhash: simHash(fingerprints[at]!.retrieval) };
      const [first] = await shortlistByIndex(manager, asked, 10);
      expect(first).toMatchObject({
        registrationId: String(at + 1),
        retrieval: formatFingerprint(fingerprints[at]!).retrieval,
      });
    }
  });

  it('a search uses the index and no scan', async () => {
    await database.exec('SET enable_sort = off');
    const { rows } = await database.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT registration_id FROM registry.fingerprint WHERE scheme = '${SCHEME}'
       ORDER BY simhash <~> $1::bit(1024) LIMIT 400`,
      [simHash(fingerprints[0]!.retrieval)],
    );
    await database.exec('RESET enable_sort');
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toContain('Index Scan using fingerprint_near');
  });

  it('finds the planted copies that a scan finds', async () => {
    for (let at = 0; at < 280; at += 7) {
      const copy = copyOf(fingerprints[at]!, 0.6);
      const asked = { scheme: SCHEME, simhash: simHash(copy.retrieval) };
      const [byIndex, byScan] = [
        await shortlistByIndex(manager, asked, 100),
        await shortlistByScan(manager, asked, 100),
      ];
      expect(nearness(copy.retrieval, fingerprints[at]!.retrieval)).toBeGreaterThan(0.4);
      for (const found of [byIndex, byScan]) {
        expect(found.map(({ registrationId }) => registrationId)).toContain(String(at + 1));
      }
      const common = byIndex.filter(({ registrationId }) =>
        byScan.some((row) => row.registrationId === registrationId),
      );
      expect(common.length).toBeGreaterThan(60);
    }
  });

  it('one that is being built does not answer', async () => {
    await database.query(
      `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'registry.fingerprint_near'::regclass`,
    );
    expect(await hasNearIndex(manager)).toBe(false);
  });
});
