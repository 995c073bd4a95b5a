import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A registration keeps its parents by relation, and which of its digests were named as a parent's before it came on
 * record: a lineage reads the edges with the models, and looks for late parents only where there are any. `json` and not
 * `jsonb`: it is always read whole, and the text is passed on as it is.
 */
export class ParentsByRelation1700000000040 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX registry.relation_child, registry.relation_late;
      CREATE INDEX relation_child ON registry.relation (recorded_index, position, parent_index);
      CREATE INDEX relation_digest ON registry.relation (digest, recorded_index);

      ALTER TABLE registry.registration ADD parents json NOT NULL DEFAULT '{}', ADD awaited text[] NOT NULL DEFAULT '{}';
      UPDATE registry.registration r SET parents = p.parents
      FROM (
        SELECT registration_id, json_object_agg(relation, named) AS parents
        FROM (
          SELECT registration_id, relation,
            json_agg(coalesce(to_json(parent_index), to_json(digest)) ORDER BY position) AS named
          FROM registry.relation GROUP BY registration_id, relation
        ) by_relation GROUP BY registration_id
      ) p WHERE p.registration_id = r.id;
      UPDATE registry.registration r SET awaited = a.digests
      FROM (
        -- A relation without a known parent is older than any registration of the digest that it names.
        SELECT r.id, array_agg(own.digest ORDER BY own.place) AS digests
        FROM (SELECT DISTINCT digest FROM registry.relation WHERE parent_index IS NULL) late
        JOIN registry.registration r ON r.recorded_index = least(
          (SELECT min(recorded_index) FROM registry.registration WHERE model_digest = late.digest),
          (SELECT min(recorded_index) FROM registry.registration WHERE file_digest = late.digest),
          (SELECT min(recorded_index) FROM registry.registration WHERE nameless_digest = late.digest))
        CROSS JOIN LATERAL (
          SELECT k.digest, min(k.place) AS place
          FROM unnest(ARRAY[r.model_digest, r.nameless_digest, r.file_digest]) WITH ORDINALITY k(digest, place)
          WHERE k.digest = late.digest GROUP BY k.digest
        ) own
        GROUP BY r.id
      ) a WHERE a.id = r.id;
      ALTER TABLE registry.registration ALTER parents DROP DEFAULT, ALTER awaited DROP DEFAULT;
      CREATE INDEX registration_awaited ON registry.registration (recorded_index) WHERE awaited <> '{}';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.registration DROP COLUMN parents, DROP COLUMN awaited;
      DROP INDEX registry.relation_child, registry.relation_digest;
      CREATE INDEX relation_child ON registry.relation (recorded_index, position, parent_index, relation);
      CREATE INDEX relation_late ON registry.relation (digest) WHERE parent_index IS NULL;
    `);
  }
}
