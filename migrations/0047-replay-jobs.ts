import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Replays that workers of the registry make. A replay is a training like the run was, so its progress and its epochs
 * stand where those of runs do, under its own id.
 */
export class ReplayJobs1700000000047 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.replay_request (
        id text PRIMARY KEY,
        owner text NOT NULL,
        run_id text NOT NULL,
        from_epoch integer NOT NULL,
        through_epoch integer NOT NULL,
        job_id uuid NOT NULL,
        idempotency_key text,
        request_digest text,
        made_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT replay_request_idempotency UNIQUE (owner, idempotency_key),
        CONSTRAINT replay_request_epochs_check CHECK (from_epoch BETWEEN 1 AND through_epoch)
      );
      COMMENT ON TABLE ops.replay_request IS 'Which run a party asked to be trained again. If a row is lost, an unfinished '
        'replay must be asked for again; a finished one stands in the ledger, which judges what is stated of it.';
      CREATE INDEX replay_request_owner ON ops.replay_request (owner, made_at);

      ALTER TABLE ops.run_epoch ALTER checkpoint_digest DROP NOT NULL;
      COMMENT ON TABLE ops.run_progress IS 'Where a run, or a replay of one, stands and which attempt may write. If a row is '
        'lost, it is trained again or shows as its statement in the ledger has it; nothing is ever judged by it.';
      COMMENT ON TABLE ops.run_epoch IS 'The epochs behind a run, or a replay of one, and where it can go on. If a row is '
        'lost, the epoch is trained again; the statement in the ledger holds every epoch of a finished run.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE ops.replay_request;
      DELETE FROM ops.run_epoch WHERE checkpoint_digest IS NULL;
      ALTER TABLE ops.run_epoch ALTER checkpoint_digest SET NOT NULL;
      COMMENT ON TABLE ops.run_progress IS 'Where a run stands and which attempt may write. If a row is lost, the run '
        'is trained again or shows as its statement in the ledger has it; nothing is ever judged by it.';
      COMMENT ON TABLE ops.run_epoch IS 'The epochs behind a run and where it can go on. If a row is lost, the epoch is '
        'trained again from the seed; the statement in the ledger holds every epoch of a finished run.';
    `);
  }
}
