import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was used of a grant by action and by day is kept as it is reported: adding up all reports took as long as there
 * were reports. A block remembers how many calls were wanted, by which a request that comes again is known as the same.
 */
export class UsageSums1700000000036 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.usage_action (
        grant_id text NOT NULL,
        action text NOT NULL,
        calls bigint NOT NULL,
        PRIMARY KEY (grant_id, action)
      );
      COMMENT ON TABLE ops.usage_action IS
        'What the reports of a grant add up to by action. Lost together with the counter of the grant, it is made again from them.';
      INSERT INTO ops.usage_action
        SELECT r.grant_id, u.action, sum(u.calls) FROM ops.usage_report r
        CROSS JOIN LATERAL jsonb_to_recordset(r.uses) AS u(action text, calls bigint) GROUP BY r.grant_id, u.action;

      CREATE TABLE ops.usage_day (
        grant_id text NOT NULL,
        day date NOT NULL,
        calls bigint NOT NULL,
        PRIMARY KEY (grant_id, day)
      );
      COMMENT ON TABLE ops.usage_day IS
        'What the reports of a grant add up to by day, UTC. Lost together with the counter of the grant, it is made again from them.';
      INSERT INTO ops.usage_day
        SELECT grant_id, (used_to AT TIME ZONE 'UTC')::date AS day, sum(calls) FROM ops.usage_report GROUP BY grant_id, day;

      ALTER TABLE ops.usage_block ADD COLUMN wanted bigint;
      UPDATE ops.usage_block SET wanted = calls;
      ALTER TABLE ops.usage_block ALTER COLUMN wanted SET NOT NULL;

      CREATE INDEX seat_until ON ops.seat (grant_id, until);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX ops.seat_until;
      ALTER TABLE ops.usage_block DROP COLUMN wanted;
      DROP TABLE ops.usage_day;
      DROP TABLE ops.usage_action;
    `);
  }
}
