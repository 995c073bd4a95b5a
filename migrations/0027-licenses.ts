import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Licenses that owners offer. */
export class Licenses1700000000027 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.license (
        id text PRIMARY KEY,
        asset_id text NOT NULL,
        licensor text NOT NULL,
        document jsonb NOT NULL,
        version integer NOT NULL,
        ended_index bigint,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX license_asset ON registry.license (asset_id, recorded_index);
      CREATE INDEX license_licensor ON registry.license (licensor, recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.license;`);
  }
}
