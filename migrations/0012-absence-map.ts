import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The map from digests to the public statements that name them: the leaves and nodes of its last two versions, each
 * under its own hash, and what the statements say about it. Nodes that neither version has are deleted, so the
 * application may add and delete here, and change nothing.
 */
export class AbsenceMap1700000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ledger.map_node (
        hash bytea PRIMARY KEY,
        content bytea NOT NULL
      );
      CREATE TABLE ledger.map_version (
        size bigint PRIMARY KEY,
        root bytea NOT NULL,
        keys bigint NOT NULL,
        replaced bytea NOT NULL
      );
      CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON ledger.map_node
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER never_changed BEFORE UPDATE OR TRUNCATE ON ledger.map_version
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      GRANT DELETE ON ledger.map_node, ledger.map_version TO muniment_app;

      CREATE TABLE registry.map_root (
        root text PRIMARY KEY,
        size bigint NOT NULL,
        log_root text NOT NULL,
        keys bigint NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX map_root_recorded ON registry.map_root (recorded_index);
      CREATE TABLE registry.map_audit (
        id text PRIMARY KEY,
        auditor text NOT NULL,
        size bigint NOT NULL,
        root text NOT NULL,
        found text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE INDEX map_audit_recorded ON registry.map_audit (recorded_index);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.map_audit, registry.map_root;
      DROP TABLE ledger.map_version, ledger.map_node;
    `);
  }
}
