import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Fingerprints of weights. A search reads the SimHash of every row, so what is long stands apart from it: such a row is
 * 360 bytes in the table, and its vector, layers and outputs are read of a shortlist alone. SimHashes stay in the row (PLAIN),
 * where the rest may leave it.
 */
export class Fingerprints1700000000043 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.fingerprint (
        simhash bit(1024) NOT NULL,
        registration_id text NOT NULL,
        scheme text NOT NULL,
        maker text NOT NULL,
        shape text NOT NULL,
        retrieval text NOT NULL,
        layers jsonb NOT NULL,
        outputs jsonb NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (registration_id, scheme, maker)
      ) WITH (toast_tuple_target = 512);
      ALTER TABLE registry.fingerprint ALTER simhash SET STORAGE PLAIN,
        ALTER retrieval SET STORAGE EXTERNAL, ALTER layers SET STORAGE EXTERNAL,
        ALTER outputs SET STORAGE EXTERNAL;
      CREATE INDEX fingerprint_width
        ON registry.fingerprint (scheme, ((layers -> 0 ->> 'width')::bigint), recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.fingerprint`);
  }
}
