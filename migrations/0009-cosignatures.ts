import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What log witnesses signed: their cosignatures on published checkpoints, kept for ever as the checkpoints are. Rows are
 * added and never changed; who has to be asked next, and who does not answer, is for the operator alone.
 */
export class Cosignatures1700000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ledger.cosignature (
        size bigint NOT NULL,
        verifier_key text NOT NULL,
        cosigned_at bigint NOT NULL,
        signature bytea NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (size, verifier_key)
      );
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.cosignature
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

      CREATE TABLE ops.witness (
        verifier_key text PRIMARY KEY,
        known_size bigint NOT NULL,
        next_at timestamptz NOT NULL,
        failures integer NOT NULL,
        failing_since timestamptz,
        problem text
      );
      COMMENT ON TABLE ops.witness IS 'Which log witness is asked next, from which size on, and who does not answer. If a row is lost, the witness is asked at once and tells its size itself.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE ops.witness, ledger.cosignature');
  }
}
