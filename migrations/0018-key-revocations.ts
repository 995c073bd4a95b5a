import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A party's key can end: where in the log, why, and which key goes on in its place. */
export class KeyRevocations1700000000018 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.party_key ADD revoked_index bigint, ADD revoked_reason text, ADD successor text;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.party_key DROP COLUMN revoked_index, DROP COLUMN revoked_reason, DROP COLUMN successor;
    `);
  }
}
