import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Grants are offered and accepted, suspended and terminated, passed on and renewed. */
export class GrantActs1700000000028 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.license_grant DROP COLUMN revoked_index,
        ADD COLUMN above text[] NOT NULL DEFAULT '{}',
        ADD COLUMN stage text NOT NULL DEFAULT 'accepted',
        ADD COLUMN expires_at text,
        ADD COLUMN ends_at text,
        ADD COLUMN renewed_by text,
        ADD COLUMN changed_index bigint NOT NULL DEFAULT 0;
      UPDATE registry.license_grant SET expires_at = document ->> 'expiresAt';
      ALTER TABLE registry.license_grant ALTER COLUMN above DROP DEFAULT, ALTER COLUMN stage DROP DEFAULT,
        ALTER COLUMN changed_index DROP DEFAULT;
      CREATE INDEX license_grant_changed ON registry.license_grant (changed_index);
      CREATE INDEX license_grant_above ON registry.license_grant USING gin (above);
      CREATE INDEX license_grant_ends ON registry.license_grant (ends_at) WHERE ends_at IS NOT NULL;
      CREATE INDEX license_grant_expires ON registry.license_grant (expires_at) WHERE expires_at IS NOT NULL;

      CREATE TABLE registry.grant_act (
        id text PRIMARY KEY,
        grant_id text NOT NULL,
        act text NOT NULL,
        maker text NOT NULL,
        ends_at text,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX grant_act_grant ON registry.grant_act (grant_id, recorded_index);

      CREATE TABLE registry.grant_notice (
        grant_id text NOT NULL,
        notice text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (grant_id, notice)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.grant_notice;
      DROP TABLE registry.grant_act;
      DROP INDEX registry.license_grant_changed, registry.license_grant_above, registry.license_grant_ends,
        registry.license_grant_expires;
      ALTER TABLE registry.license_grant ADD COLUMN revoked_index bigint, DROP COLUMN above, DROP COLUMN stage,
        DROP COLUMN expires_at, DROP COLUMN ends_at, DROP COLUMN renewed_by, DROP COLUMN changed_index;
    `);
  }
}
