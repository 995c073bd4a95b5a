import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What is stated of the protection of models, of rights in data and of models on the market, and which record stands. */
export class RightsRecords1700000000019 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.rights_record (
        id text PRIMARY KEY,
        about text NOT NULL,
        maker text NOT NULL,
        respect text NOT NULL,
        supersedes text,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX rights_record_about ON registry.rights_record (about, recorded_index);

      CREATE TABLE registry.rights_standing (
        about text NOT NULL,
        maker text NOT NULL,
        respect text NOT NULL,
        record_id text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (about, maker, respect)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.rights_standing, registry.rights_record`);
  }
}
