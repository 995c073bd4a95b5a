import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Outside time: what a timestamp authority said of a published checkpoint (its number is the size of the tree) or of the
 * signature of an entry (its number is the index). And the signatures over models that other tools verify.
 */
export class OutsideTime1700000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ledger.timestamp (
        kind text NOT NULL,
        number bigint NOT NULL,
        reply bytea NOT NULL CHECK (octet_length(reply) <= 65536),
        stored_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (kind, number)
      );
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.timestamp
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();

      CREATE TABLE registry.model_signature (
        id text PRIMARY KEY,
        registration_id text NOT NULL,
        maker text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX model_signature_registration ON registry.model_signature (registration_id, recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.model_signature;
      DROP TABLE ledger.timestamp;
    `);
  }
}
