import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Outside timestamps over documents, which support claims. */
export class DocumentTimestamps1700000000025 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.document_timestamp (
        id text PRIMARY KEY,
        document_digest text NOT NULL,
        time text NOT NULL,
        first_after bigint NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX document_timestamp_document ON registry.document_timestamp (document_digest, recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.document_timestamp;`);
  }
}
