import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What was found of edges of lineages; and models are found by the root that an OpenSSF model signature names. */
export class LineageChecks1700000000048 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.lineage_check (
        id text PRIMARY KEY,
        registration_id text NOT NULL,
        relation text NOT NULL,
        parent text NOT NULL,
        maker text NOT NULL,
        method text NOT NULL,
        finding text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX lineage_check_registration ON registry.lineage_check (registration_id, recorded_index);
      CREATE TABLE registry.lineage_standing (
        registration_id text NOT NULL,
        relation text NOT NULL,
        parent text NOT NULL,
        standing text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (registration_id, relation, parent)
      );
      CREATE INDEX registration_root
        ON registry.registration (sha256(decode(substr(file_digest, 8), 'hex')), recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX registry.registration_root;
      DROP TABLE registry.lineage_standing;
      DROP TABLE registry.lineage_check;
    `);
  }
}
