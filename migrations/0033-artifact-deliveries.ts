import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who fetched stored weights by which license token, and how much of them left. Evidence is added to and never changed:
 * that somebody had the weights decides cases.
 */
export class ArtifactDeliveries1700000000033 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE ops.artifact_access ADD COLUMN jti text, ADD COLUMN grant_id text,
        ADD COLUMN first_byte bigint, ADD COLUMN last_byte bigint;
      CREATE TABLE ops.artifact_delivery (
        access_id bigint PRIMARY KEY,
        bytes bigint NOT NULL,
        complete boolean NOT NULL,
        ended_at timestamptz NOT NULL DEFAULT now()
      );
      COMMENT ON TABLE ops.artifact_delivery IS
        'How much of the weights left at an access. It confers nothing: it is the operator''s account, not a proof.';
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.artifact_access
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ops.artifact_delivery
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE ops.artifact_delivery;
      DROP TRIGGER never_changed ON ops.artifact_access;
      ALTER TABLE ops.artifact_access DROP COLUMN jti, DROP COLUMN grant_id, DROP COLUMN first_byte, DROP COLUMN last_byte;
    `);
  }
}
