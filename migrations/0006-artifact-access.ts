import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who fetched stored weights, and when. */
export class ArtifactAccess1700000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.artifact_access (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        registration_id text NOT NULL,
        party_id text NOT NULL,
        api_key_id text NOT NULL,
        file_digest text NOT NULL,
        accessed_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX artifact_access_registration ON ops.artifact_access (registration_id, id);
      COMMENT ON TABLE ops.artifact_access IS
        'Written before the first byte of stored weights leaves. It confers nothing: it is the operator''s account of who fetched what, not a proof.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ops.artifact_access;`);
  }
}
