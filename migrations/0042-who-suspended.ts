import type { MigrationInterface, QueryRunner } from 'typeorm';

/** A grant that an owner suspended is not resumed by the licensee who passed it on. */
export class WhoSuspended1700000000042 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE registry.license_grant ADD suspended_by text;
      UPDATE registry.license_grant g SET suspended_by = (
        SELECT a.maker FROM registry.grant_act a
        WHERE a.grant_id = g.id AND a.act = 'suspend' ORDER BY a.recorded_index DESC LIMIT 1)
      WHERE g.stage = 'suspended';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE registry.license_grant DROP COLUMN suspended_by`);
  }
}
