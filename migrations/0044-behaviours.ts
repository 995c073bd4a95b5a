import type { MigrationInterface, QueryRunner } from 'typeorm';

/** How models behave: the seeds of their challenges, and commitments to what they answer. */
export class Behaviours1700000000044 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE registry.behaviour_seed (
        registration_id text PRIMARY KEY,
        id text NOT NULL,
        dataset_id text NOT NULL,
        challenges integer NOT NULL,
        secret_commitment text NOT NULL,
        value text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      CREATE TABLE registry.behaviour (
        registration_id text PRIMARY KEY,
        id text NOT NULL,
        maker text NOT NULL,
        answers_commitment text NOT NULL,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.behaviour, registry.behaviour_seed`);
  }
}
