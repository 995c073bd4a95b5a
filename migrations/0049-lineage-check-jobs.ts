import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Edges of lineages that workers of the registry check, from the files that are kept here: each edge once. */
export class LineageCheckJobs1700000000049 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.lineage_check_job (
        id text PRIMARY KEY,
        registration_id text NOT NULL,
        relation text NOT NULL,
        parent text NOT NULL,
        checks text[] NOT NULL,
        job_id uuid NOT NULL,
        state text NOT NULL DEFAULT 'queued',
        attempt integer NOT NULL DEFAULT 0,
        worker text,
        made_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        progress jsonb,
        found jsonb,
        version text,
        error jsonb,
        changed_at timestamptz NOT NULL DEFAULT now(),
        CONSTRAINT lineage_check_job_edge UNIQUE (registration_id, relation, parent),
        CONSTRAINT lineage_check_job_state_check
          CHECK (state IN ('queued', 'running', 'recorded', 'unexplained', 'failed'))
      );
      COMMENT ON TABLE ops.lineage_check_job IS 'Which edges of lineages the registry checks by itself, and how far it is. '
        'If a row is lost, the edge is checked again; what was found stands in the ledger, and nothing is judged by this.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ops.lineage_check_job');
  }
}
