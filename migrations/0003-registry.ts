import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the statements add up to: one table for each kind of row. All of it can be rebuilt from the ledger. */
export class Registry1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      CREATE TABLE registry.party (
        id text PRIMARY KEY,
        kind text NOT NULL,
        roles text[] NOT NULL,
        name_commitment text NOT NULL,
        keyed boolean NOT NULL,
        ${recorded}
      );
      CREATE TABLE registry.disclosure (
        commitment text PRIMARY KEY,
        value text NOT NULL,
        salt text NOT NULL
      );
      CREATE TABLE registry.party_key (
        fingerprint text PRIMARY KEY,
        party_id text NOT NULL,
        spki text NOT NULL,
        ${recorded}
      );
      CREATE INDEX party_key_party ON registry.party_key (party_id);
      CREATE TABLE registry.api_key (
        id text PRIMARY KEY,
        party_id text NOT NULL,
        secret_digest text NOT NULL,
        label text NOT NULL,
        scopes text[] NOT NULL,
        expires_at text,
        revoked_index bigint,
        ${recorded}
      );
      CREATE INDEX api_key_party ON registry.api_key (party_id);
      CREATE TABLE registry.token_key (
        kid text PRIMARY KEY,
        spki text NOT NULL,
        not_before text NOT NULL,
        retired_index bigint,
        ${recorded}
      );
      CREATE TABLE registry.dataset (
        id text PRIMARY KEY,
        manifest_digest text NOT NULL,
        maker text NOT NULL,
        name text NOT NULL,
        document jsonb NOT NULL,
        ${recorded}
      );
      CREATE INDEX dataset_manifest ON registry.dataset (manifest_digest);
      CREATE TABLE registry.dataset_version (
        maker text NOT NULL,
        name text NOT NULL,
        version text NOT NULL,
        dataset_id text NOT NULL,
        ${recorded},
        PRIMARY KEY (maker, name, version)
      );
      CREATE TABLE registry.run (
        id text PRIMARY KEY,
        owner text NOT NULL,
        weight_digest text NOT NULL,
        file_digest text NOT NULL,
        document jsonb NOT NULL,
        registration_id text,
        ${recorded}
      );
      CREATE TABLE registry.model (
        model_digest text PRIMARY KEY,
        first_registration text NOT NULL,
        ${recorded}
      );
      CREATE TABLE registry.registration (
        id text PRIMARY KEY,
        model_digest text NOT NULL,
        maker text NOT NULL,
        name text NOT NULL,
        license_expression text NOT NULL,
        run_id text,
        preceded_by text,
        document jsonb NOT NULL,
        ${recorded}
      );
      CREATE INDEX registration_model ON registry.registration (model_digest);
      CREATE INDEX registration_recorded ON registry.registration (recorded_index);
      CREATE TABLE registry.registration_by (
        model_digest text NOT NULL,
        maker text NOT NULL,
        registration_id text NOT NULL,
        ${recorded},
        PRIMARY KEY (model_digest, maker)
      );
      CREATE TABLE registry.model_digest (
        digest text NOT NULL,
        registration_id text NOT NULL,
        kind text NOT NULL,
        ${recorded},
        PRIMARY KEY (digest, registration_id)
      );
      CREATE TABLE registry.title (
        registration_id text NOT NULL,
        party_id text NOT NULL,
        share_num bigint NOT NULL,
        share_den bigint NOT NULL,
        ${recorded},
        PRIMARY KEY (registration_id, party_id)
      );
      CREATE INDEX title_party ON registry.title (party_id);
      CREATE TABLE registry.relation (
        registration_id text NOT NULL,
        position integer NOT NULL,
        relation text NOT NULL,
        digest text NOT NULL,
        standing text NOT NULL,
        ${recorded},
        PRIMARY KEY (registration_id, position)
      );
      CREATE INDEX relation_digest ON registry.relation (digest);
      CREATE TABLE registry.license_grant (
        id text PRIMARY KEY,
        registration_id text NOT NULL,
        licensor text NOT NULL,
        licensee text NOT NULL,
        document jsonb NOT NULL,
        revoked_index bigint,
        ${recorded}
      );
      CREATE INDEX license_grant_registration ON registry.license_grant (registration_id);
      CREATE INDEX license_grant_licensee ON registry.license_grant (licensee);
      CREATE TABLE registry.token_revocation (
        jti text PRIMARY KEY,
        grant_id text NOT NULL,
        ${recorded}
      );
      CREATE TABLE registry.token_batch (
        id text PRIMARY KEY,
        size integer NOT NULL,
        root text NOT NULL,
        ${recorded}
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.token_batch, registry.token_revocation, registry.license_grant, registry.relation,
        registry.title, registry.model_digest, registry.registration_by, registry.registration, registry.model,
        registry.run, registry.dataset_version, registry.dataset, registry.token_key, registry.api_key,
        registry.party_key, registry.disclosure, registry.party;
    `);
  }
}
