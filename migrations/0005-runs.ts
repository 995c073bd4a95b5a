import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Trainings on their way: what was asked for, where each stands, the epochs behind it. Once a run is over, the statement
 * in the ledger says all that counts, and `registry.run` is rebuilt from that alone.
 */
export class Runs1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.run_request (
        id text PRIMARY KEY,
        owner text NOT NULL,
        name text NOT NULL,
        dataset text NOT NULL,
        hyperparameters jsonb NOT NULL,
        backend text,
        owners jsonb NOT NULL,
        license jsonb NOT NULL,
        registration_id text NOT NULL,
        job_id uuid NOT NULL,
        idempotency_key text,
        request_digest text,
        made_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT run_request_idempotency UNIQUE (owner, idempotency_key)
      );
      COMMENT ON TABLE ops.run_request IS 'What a party asked to be trained. If a row is lost, an unfinished run must be '
        'asked for again; a finished one stands in the ledger. It grants nothing: the ledger judges the statements.';
      CREATE INDEX run_request_owner ON ops.run_request (owner, made_at);

      CREATE TABLE ops.run_progress (
        run_id text PRIMARY KEY,
        state text NOT NULL
          CHECK (state IN ('queued', 'running', 'recording', 'trained', 'failed', 'cancelled')),
        attempt integer NOT NULL DEFAULT 0,
        worker text,
        started_at timestamptz,
        progress jsonb,
        environment jsonb,
        compute jsonb,
        body jsonb,
        error jsonb,
        changed_at timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON TABLE ops.run_progress IS 'Where a run stands and which attempt may write. If a row is lost, the run '
        'is trained again or shows as its statement in the ledger has it; nothing is ever judged by it.';
      CREATE INDEX run_progress_open ON ops.run_progress (state) WHERE state IN ('queued', 'running', 'recording');

      CREATE TABLE ops.run_epoch (
        run_id text NOT NULL,
        epoch integer NOT NULL CHECK (epoch > 0),
        metrics jsonb NOT NULL,
        weight_digest text NOT NULL,
        checkpoint_digest text NOT NULL,
        PRIMARY KEY (run_id, epoch)
      );
      COMMENT ON TABLE ops.run_epoch IS 'The epochs behind a run and where it can go on. If a row is lost, the epoch is '
        'trained again from the seed; the statement in the ledger holds every epoch of a finished run.';

      CREATE TABLE ops.run_access (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        run_id text NOT NULL,
        party_id text NOT NULL,
        api_key_id text NOT NULL,
        file_digest text NOT NULL,
        accessed_at timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON TABLE ops.run_access IS 'Who fetched the weights of a run. It is a log for the owner and the operator; '
        'nothing is decided by it.';
      CREATE INDEX run_access_run ON ops.run_access (run_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ops.run_access, ops.run_epoch, ops.run_progress, ops.run_request');
  }
}
