import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What it takes to keep statements that are not public from being told apart: the keys that signed one of them each. And
 * what it takes to erase a personal value: which statement committed to it, whose it is, and where it was erased. And what
 * was sealed, with the digests of what was opened since.
 */
export class Visibility1700000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      CREATE TABLE registry.one_time_key (
        fingerprint text PRIMARY KEY,
        ${recorded}
      );
      CREATE TABLE registry.commitment (
        commitment text PRIMARY KEY,
        party_id text NOT NULL,
        erased_index bigint,
        ${recorded}
      );
      CREATE TABLE registry.sealed (
        maker text NOT NULL,
        id text NOT NULL,
        subject text NOT NULL,
        commitment text NOT NULL,
        opened_index bigint,
        ${recorded},
        PRIMARY KEY (maker, id)
      );
      CREATE INDEX sealed_id ON registry.sealed (id);
      CREATE TABLE registry.possession (
        digest text NOT NULL,
        maker text NOT NULL,
        sealed_id text NOT NULL,
        subject text NOT NULL,
        sealed_index bigint NOT NULL,
        ${recorded},
        PRIMARY KEY (digest, maker, sealed_id)
      );
      CREATE INDEX possession_sealed ON registry.possession (maker, sealed_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.possession, registry.sealed, registry.commitment, registry.one_time_key;`);
  }
}
