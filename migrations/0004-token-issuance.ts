import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Every license token that was issued, one row each, written before the token leaves. No statement makes these rows:
 * the log commits to them by batch. A row is never deleted, and changes once, when it takes its place in a batch.
 */
export class TokenIssuance1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.token_issuance (
        jti text PRIMARY KEY,
        grant_id text NOT NULL,
        licensee text NOT NULL,
        kid text NOT NULL,
        claims_digest text NOT NULL,
        issued_at bigint NOT NULL,
        expires_at bigint NOT NULL,
        salt text NOT NULL,
        batch_id text,
        position integer,
        CHECK ((batch_id IS NULL) = (position IS NULL))
      );
      CREATE INDEX token_issuance_open ON registry.token_issuance (issued_at, jti) WHERE batch_id IS NULL;
      CREATE UNIQUE INDEX token_issuance_place ON registry.token_issuance (batch_id, position);

      CREATE FUNCTION registry.issuance_is_batched_once() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.batch_id IS NOT NULL
          OR (NEW.jti, NEW.grant_id, NEW.licensee, NEW.kid, NEW.claims_digest, NEW.issued_at, NEW.expires_at, NEW.salt)
          <> (OLD.jti, OLD.grant_id, OLD.licensee, OLD.kid, OLD.claims_digest, OLD.issued_at, OLD.expires_at, OLD.salt)
        THEN
          RAISE EXCEPTION 'an issued token changes once, when it takes its place in a batch'
            USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER batched_once BEFORE UPDATE ON registry.token_issuance
        FOR EACH ROW EXECUTE FUNCTION registry.issuance_is_batched_once();
      CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON registry.token_issuance
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      REVOKE DELETE ON registry.token_issuance FROM muniment_app;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.token_issuance;
      DROP FUNCTION registry.issuance_is_batched_once();
    `);
  }
}
