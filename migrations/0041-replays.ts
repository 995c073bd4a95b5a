import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What came out when runs were trained again from their records. */
export class Replays1700000000041 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.replay (
        id text PRIMARY KEY,
        run_id text NOT NULL,
        maker text NOT NULL,
        outcome text NOT NULL,
        through_epoch integer NOT NULL,
        first_difference integer,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX replay_run ON registry.replay (run_id, recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.replay`);
  }
}
