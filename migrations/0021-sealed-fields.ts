import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The fields of sealed titles that were opened since. */
export class SealedFields1700000000021 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.sealed_field (
        maker text NOT NULL,
        sealed_id text NOT NULL,
        field text NOT NULL,
        value text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (maker, sealed_id, field)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.sealed_field`);
  }
}
