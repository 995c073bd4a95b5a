import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Bundles are kept uncompressed: written once in the middle of a batch, they made every write of it wait. */
export class BundlesAsTheyAre1700000000016 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ledger.entry_bundle ALTER COLUMN entries SET STORAGE EXTERNAL`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE ledger.entry_bundle ALTER COLUMN entries SET STORAGE EXTENDED`);
  }
}
