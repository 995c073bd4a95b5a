import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * A relation names its parent's registration where that was on record already: which registration of a digest is the first
 * never changes from then on. A lineage is followed by log indexes, each generation read from an index alone.
 */
export class ResolvedParents1700000000035 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.relation ADD parent_index bigint;
      UPDATE registry.relation l SET parent_index = least(
        (SELECT min(recorded_index) FROM registry.registration WHERE model_digest = l.digest AND recorded_index < l.recorded_index),
        (SELECT min(recorded_index) FROM registry.registration WHERE file_digest = l.digest AND recorded_index < l.recorded_index),
        (SELECT min(recorded_index) FROM registry.registration WHERE nameless_digest = l.digest AND recorded_index < l.recorded_index));
      DROP INDEX registry.relation_digest;
      CREATE INDEX relation_child ON registry.relation (recorded_index, position, parent_index, relation);
      CREATE INDEX relation_parent ON registry.relation (parent_index, recorded_index);
      CREATE INDEX relation_late ON registry.relation (digest) WHERE parent_index IS NULL;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP INDEX registry.relation_late, registry.relation_parent, registry.relation_child;
      CREATE INDEX relation_digest ON registry.relation (digest);
      ALTER TABLE registry.relation DROP COLUMN parent_index;
    `);
  }
}
