/**
 * The three schemas and the application's role. `ledger` holds what must never change: the application may read it and
 * add to it. `registry` holds projections that fsck can rebuild, `ops` what confers no authority. The role has no login
 * of its own here: the embedded database gives it one, elsewhere the application's login is a member of it.
 */
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class SchemasAndRoles1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    // Roles belong to the whole server: another database on it may have made this one, even at this moment.
    await runner.query(`
      DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'muniment_app') THEN
          CREATE ROLE muniment_app NOLOGIN;
        END IF;
      EXCEPTION
        WHEN duplicate_object OR unique_violation THEN NULL;
        WHEN insufficient_privilege THEN RAISE EXCEPTION USING
          ERRCODE = 'insufficient_privilege',
          MESSAGE = 'The role muniment_app is missing and this login may not create it: '
                 || 'run "CREATE ROLE muniment_app NOLOGIN" once as an administrator.';
      END $$`);
    for (const [schema, rights] of [
      ['ledger', 'SELECT, INSERT'],
      ['registry', 'SELECT, INSERT, UPDATE, DELETE'],
      ['ops', 'SELECT, INSERT, UPDATE, DELETE'],
    ] as const) {
      await runner.query(`CREATE SCHEMA ${schema}`);
      await runner.query(`GRANT USAGE ON SCHEMA ${schema} TO muniment_app`);
      await runner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT ${rights} ON TABLES TO muniment_app`);
      await runner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} GRANT USAGE ON SEQUENCES TO muniment_app`);
    }
  }

  /** The role stays: it may serve other databases of the server, and without these schemas it can do nothing. */
  async down(runner: QueryRunner): Promise<void> {
    for (const schema of ['ops', 'registry', 'ledger']) {
      await runner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} REVOKE ALL ON SEQUENCES FROM muniment_app`);
      await runner.query(`ALTER DEFAULT PRIVILEGES IN SCHEMA ${schema} REVOKE ALL ON TABLES FROM muniment_app`);
      await runner.query(`DROP SCHEMA ${schema}`);
    }
  }
}
