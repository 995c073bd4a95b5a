import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Quotas of the time for which runs hold a graphics device; none of those that were set before limits it. */
export class DeviceQuotas1700000000024 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE registry.quota ADD device_seconds bigint;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE registry.quota DROP COLUMN device_seconds;`);
  }
}
