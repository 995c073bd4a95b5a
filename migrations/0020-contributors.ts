import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who contributed to a model apart from who owns it, what each worker spent on a run, and how much training a party may
 * start. Registrations without contributors, and runs recorded before their workers said what they spent, have no rows.
 */
export class Contributors1700000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      CREATE TABLE registry.contributor (
        registration_id text NOT NULL,
        party_id text NOT NULL,
        role text NOT NULL,
        ${recorded},
        PRIMARY KEY (registration_id, party_id, role)
      );
      CREATE INDEX contributor_party ON registry.contributor (party_id, recorded_index);
      CREATE TABLE registry.compute (
        run_id text NOT NULL,
        position integer NOT NULL,
        provider text NOT NULL,
        consumer text NOT NULL,
        core_ms bigint NOT NULL,
        device_ms bigint,
        backend text NOT NULL,
        device text NOT NULL,
        ${recorded},
        PRIMARY KEY (run_id, position)
      );
      CREATE INDEX compute_provider ON registry.compute (provider, recorded_index);
      CREATE INDEX compute_consumer ON registry.compute (consumer, recorded_index);
      CREATE TABLE registry.quota (
        id text PRIMARY KEY,
        party_id text NOT NULL,
        core_seconds bigint,
        runs_at_once integer,
        ${recorded}
      );
      CREATE INDEX quota_party ON registry.quota (party_id, recorded_index);
      ALTER TABLE ops.run_request ADD contributors jsonb;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE ops.run_request DROP COLUMN contributors;
      DROP TABLE registry.quota, registry.compute, registry.contributor;
    `);
  }
}
