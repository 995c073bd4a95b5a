import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What it takes to keep statements that are not public from being told apart: the keys that signed one of them each. */
export class Visibility1700000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      CREATE TABLE registry.one_time_key (
        fingerprint text PRIMARY KEY,
        ${recorded}
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.one_time_key;`);
  }
}
