import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Each issued token has a place in a status list. A list hands its places out in an order of its own, made at random when
 * the list begins, so that a place tells nothing about when or to whom a token was issued; `permutation` is that order,
 * four bytes a place, the highest first.
 */
export class StatusLists1700000000032 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.status_list (
        number integer PRIMARY KEY,
        permutation bytea NOT NULL,
        used integer NOT NULL
      );
      COMMENT ON TABLE ops.status_list IS
        'Places not handed out yet; where it is lost, another list begins behind all that tokens stand in';
      ALTER TABLE ops.status_list ALTER COLUMN permutation SET STORAGE EXTERNAL;

      ALTER TABLE registry.token_issuance ADD COLUMN status_list integer NOT NULL DEFAULT 0,
        ADD COLUMN status_index integer NOT NULL DEFAULT 0;
      ALTER TABLE registry.token_issuance ALTER COLUMN status_list DROP DEFAULT, ALTER COLUMN status_index DROP DEFAULT;
      CREATE INDEX token_issuance_grant ON registry.token_issuance (grant_id);
      CREATE INDEX token_issuance_list ON registry.token_issuance USING brin (status_list);
      DROP INDEX registry.token_issuance_place;
      CREATE UNIQUE INDEX token_issuance_place ON registry.token_issuance (batch_id, position) WHERE batch_id IS NOT NULL;
      CREATE INDEX token_revocation_recorded ON registry.token_revocation (recorded_index);

      CREATE OR REPLACE FUNCTION registry.issuance_is_batched_once() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF OLD.batch_id IS NOT NULL
          OR (NEW.jti, NEW.grant_id, NEW.licensee, NEW.kid, NEW.claims_digest, NEW.issued_at, NEW.expires_at, NEW.salt,
              NEW.status_list, NEW.status_index)
          <> (OLD.jti, OLD.grant_id, OLD.licensee, OLD.kid, OLD.claims_digest, OLD.issued_at, OLD.expires_at, OLD.salt,
              OLD.status_list, OLD.status_index)
        THEN
          RAISE EXCEPTION 'an issued token changes once, when it takes its place in a batch'
            USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
      END $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE OR REPLACE FUNCTION registry.issuance_is_batched_once() RETURNS trigger LANGUAGE plpgsql AS $$
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
      DROP INDEX registry.token_issuance_place;
      CREATE UNIQUE INDEX token_issuance_place ON registry.token_issuance (batch_id, position);
      DROP INDEX registry.token_revocation_recorded, registry.token_issuance_list, registry.token_issuance_grant;
      ALTER TABLE registry.token_issuance DROP COLUMN status_list, DROP COLUMN status_index;
      DROP TABLE ops.status_list;
    `);
  }
}
