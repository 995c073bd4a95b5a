import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Each published checkpoint names the size of the one before it, so that one that is gone leaves a gap. The database sets
 * the name: publishers of several processes follow one another here, and what comes behind a larger one is not published.
 */
export class CheckpointChain1700000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE ledger.checkpoint ADD COLUMN previous bigint;
      ALTER TABLE ledger.checkpoint DISABLE TRIGGER never_changed;
      UPDATE ledger.checkpoint c SET previous = p.previous
        FROM (SELECT size, coalesce(lag(size) OVER (ORDER BY size), 0) AS previous FROM ledger.checkpoint) p
        WHERE c.size = p.size;
      ALTER TABLE ledger.checkpoint ENABLE TRIGGER never_changed;
      ALTER TABLE ledger.checkpoint ALTER COLUMN previous SET NOT NULL;

      CREATE FUNCTION ledger.link_checkpoint() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        PERFORM pg_advisory_xact_lock(1836412523);
        SELECT coalesce(max(size), 0) INTO NEW.previous FROM ledger.checkpoint;
        IF NEW.size <= NEW.previous THEN
          RETURN NULL;
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER linked BEFORE INSERT ON ledger.checkpoint
        FOR EACH ROW EXECUTE FUNCTION ledger.link_checkpoint();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER linked ON ledger.checkpoint;
      DROP FUNCTION ledger.link_checkpoint();
      ALTER TABLE ledger.checkpoint DROP COLUMN previous;
    `);
  }
}
