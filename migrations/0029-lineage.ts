import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a lineage is read from: the license that a registration states stands in its row, and the datasets that it names in
 * rows of their own, found from either end. No index is added to the registrations.
 */
export class Lineage1700000000029 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.trained_on (
        registration_id text NOT NULL,
        position integer NOT NULL,
        dataset_id text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL,
        PRIMARY KEY (registration_id, position)
      );
      CREATE INDEX trained_on_dataset ON registry.trained_on (dataset_id);
      INSERT INTO registry.trained_on
        SELECT r.id, d.position - 1, d.id, r.statement, r.recorded_index
        FROM registry.registration r JOIN ledger.statement s ON s.index = r.recorded_index
        CROSS JOIN LATERAL jsonb_array_elements_text(convert_from(s.payload, 'UTF8')::jsonb #> '{predicate,datasets}')
          WITH ORDINALITY AS d(id, position);

      ALTER TABLE registry.registration ADD license_expression text, ADD license_text_digest text;
      UPDATE registry.registration r
        SET license_expression = l.stated ->> 'expression', license_text_digest = l.stated ->> 'textDigest'
        FROM ledger.statement s
        CROSS JOIN LATERAL (SELECT convert_from(s.payload, 'UTF8')::jsonb #> '{predicate,license}' AS stated) l
        WHERE s.index = r.recorded_index;
      ALTER TABLE registry.registration ALTER license_expression SET NOT NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.registration DROP COLUMN license_expression, DROP COLUMN license_text_digest;
      DROP TABLE registry.trained_on;
    `);
  }
}
