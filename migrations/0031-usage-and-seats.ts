import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What was used of grants, and who holds a seat. Reports and what happened to seats are evidence: added to, never changed.
 * The counter of a grant is what its reports and blocks add up to, kept so that a quota is judged by one row.
 */
export class UsageAndSeats1700000000031 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.usage_counter (
        grant_id text PRIMARY KEY,
        calls bigint NOT NULL DEFAULT 0,
        leased bigint NOT NULL DEFAULT 0
      );
      COMMENT ON TABLE ops.usage_counter IS
        'What the reports and open blocks of a grant add up to, with those of its sub-licenses. Lost, it is made again from them.';

      CREATE TABLE ops.usage_block (
        id text PRIMARY KEY,
        grant_id text NOT NULL,
        party_id text NOT NULL,
        calls bigint NOT NULL,
        spent bigint NOT NULL DEFAULT 0,
        leased_at timestamptz NOT NULL DEFAULT now(),
        settled_at timestamptz
      );
      CREATE INDEX usage_block_grant ON ops.usage_block (grant_id) WHERE settled_at IS NULL;
      COMMENT ON TABLE ops.usage_block IS
        'Calls that gates hold in advance. Lost, a gate asks for another block; what it spent of the old one is refused.';

      CREATE TABLE ops.usage_report (
        id text PRIMARY KEY,
        grant_id text NOT NULL,
        party_id text NOT NULL,
        api_key_id text NOT NULL,
        block_id text,
        calls bigint NOT NULL,
        uses jsonb NOT NULL,
        used_from timestamptz NOT NULL,
        used_to timestamptz NOT NULL,
        digest text NOT NULL,
        reported_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX usage_report_grant ON ops.usage_report (grant_id, reported_at);
      COMMENT ON TABLE ops.usage_report IS
        'Who reported which uses of a grant. It confers nothing: it is the account of those who reported, not a proof.';

      CREATE TABLE ops.seat (
        grant_id text NOT NULL,
        holder text NOT NULL,
        party_id text NOT NULL,
        taken_at timestamptz NOT NULL,
        until timestamptz NOT NULL,
        borrowed boolean NOT NULL,
        PRIMARY KEY (grant_id, holder)
      );
      COMMENT ON TABLE ops.seat IS
        'Which keys hold a seat under a grant now. Lost, their next heartbeat takes it again.';

      CREATE TABLE ops.seat_event (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        grant_id text NOT NULL,
        holder text NOT NULL,
        party_id text NOT NULL,
        event text NOT NULL,
        until timestamptz,
        at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX seat_event_grant ON ops.seat_event (grant_id, id);
      COMMENT ON TABLE ops.seat_event IS
        'When seats were taken, borrowed and given up. It confers nothing: it is the operator''s account, not a proof.';

      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.usage_report
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.seat_event
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE ops.seat_event;
      DROP TABLE ops.seat;
      DROP TABLE ops.usage_report;
      DROP TABLE ops.usage_block;
      DROP TABLE ops.usage_counter;
    `);
  }
}
