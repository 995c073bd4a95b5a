import type { MigrationInterface, QueryRunner } from 'typeorm';

/** No query asks for statements by maker; an index that nobody reads costs every write. */
export class NoIndexOnMakers1700000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX ledger.statement_maker`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE INDEX statement_maker ON ledger.statement (maker, index)`);
  }
}
