import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Which files were handed in under which record. Files are stored by digest, and digests are public: without this,
 * whoever registers a digest that somebody else keeps here would be handed the bytes.
 */
export class HandedInFiles1700000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.dataset_file (
        dataset_id text NOT NULL,
        file_digest text NOT NULL,
        stored_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (dataset_id, file_digest)
      );
      COMMENT ON TABLE ops.dataset_file IS 'Which files of a dataset its maker handed in. If a row is lost, the file is '
        'sent again; a run on the dataset waits for that. It grants nothing beyond what its maker brought along.';
      CREATE TABLE ops.model_artifact (
        registration_id text PRIMARY KEY,
        stored_at timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON TABLE ops.model_artifact IS 'Under which registrations weights were handed in. If a row is lost, the '
        'weights are sent again. Who may fetch them is told by the title, which stands in the ledger.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ops.model_artifact, ops.dataset_file');
  }
}
