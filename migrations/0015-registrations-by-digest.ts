import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A registration is one row that is found by any of its digests through indexes, in place of six rows in four tables, and
 * what else it says stands in its statement alone. It follows the first registration of the same file, too.
 */
export class RegistrationsByDigest1700000000015 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.model, registry.registration_by, registry.model_digest;
      ALTER TABLE registry.registration ADD nameless_digest text, ADD file_digest text, DROP COLUMN license_expression;
      UPDATE registry.registration SET nameless_digest = document #>> '{weights,namelessDigest}',
        file_digest = document #>> '{weights,fileDigest}';
      ALTER TABLE registry.registration ALTER file_digest SET NOT NULL;
      DROP INDEX registry.registration_model;
      CREATE INDEX registration_first_of_model ON registry.registration (model_digest, recorded_index);
      CREATE INDEX registration_first_of_nameless ON registry.registration (nameless_digest, recorded_index);
      CREATE INDEX registration_first_of_file ON registry.registration (file_digest, recorded_index);
      CREATE INDEX registration_by ON registry.registration (model_digest, maker);
      UPDATE registry.registration r SET preceded_by = (
        SELECT o.id FROM registry.registration o
        WHERE o.recorded_index < r.recorded_index
          AND (o.model_digest = r.model_digest OR o.nameless_digest = r.nameless_digest OR o.file_digest = r.file_digest)
        ORDER BY o.recorded_index LIMIT 1);
      ALTER TABLE registry.registration DROP COLUMN document;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX registry.registration_by, registry.registration_first_of_file,
        registry.registration_first_of_nameless, registry.registration_first_of_model;
      CREATE TABLE registry.model (
        model_digest text PRIMARY KEY,
        first_registration text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      INSERT INTO registry.model
        SELECT DISTINCT ON (k.digest) k.digest, r.id, r.statement, r.recorded_index
        FROM registry.registration r
        CROSS JOIN LATERAL (VALUES (r.model_digest), (r.nameless_digest)) AS k(digest)
        WHERE k.digest IS NOT NULL ORDER BY k.digest, r.recorded_index;

      CREATE TABLE registry.registration_by (
        model_digest text NOT NULL,
        maker text NOT NULL,
        registration_id text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (model_digest, maker)
      );
      INSERT INTO registry.registration_by
        SELECT model_digest, maker, id, statement, recorded_index FROM registry.registration;

      CREATE TABLE registry.model_digest (
        digest text NOT NULL,
        registration_id text NOT NULL,
        kind text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (digest, registration_id)
      );
      INSERT INTO registry.model_digest
        SELECT DISTINCT ON (k.digest, r.id) k.digest, r.id, k.kind, r.statement, r.recorded_index
        FROM registry.registration r
        CROSS JOIN LATERAL (VALUES (1, 'file', r.file_digest), (2, 'weight', r.model_digest),
          (3, 'nameless', r.nameless_digest)) AS k(place, kind, digest)
        WHERE k.digest IS NOT NULL ORDER BY k.digest, r.id, k.place;

      UPDATE registry.registration r SET preceded_by = (
        SELECT m.first_registration FROM registry.model m
        WHERE m.model_digest IN (r.model_digest, r.nameless_digest) AND m.recorded_index < r.recorded_index
        ORDER BY m.recorded_index LIMIT 1);
      CREATE INDEX registration_model ON registry.registration (model_digest);
      ALTER TABLE registry.registration ADD license_expression text, ADD document jsonb;
      UPDATE registry.registration r
        SET document = (convert_from(s.payload, 'UTF8')::jsonb -> 'predicate')
          - '{origin,maker,signedFor,attestedBy,id,nonce,statedAt,basis}'::text[]
        FROM ledger.statement s WHERE s.index = r.recorded_index;
      UPDATE registry.registration SET license_expression = document #>> '{license,expression}';
      ALTER TABLE registry.registration ALTER license_expression SET NOT NULL, ALTER document SET NOT NULL,
        DROP COLUMN nameless_digest, DROP COLUMN file_digest;
    `);
  }
}
