import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Which proofs of possession were shown, so that none is shown twice, to whatever replica. */
export class DpopProofs1700000000030 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.dpop_proof (
        once text PRIMARY KEY,
        until bigint NOT NULL
      );
      CREATE INDEX dpop_proof_until ON ops.dpop_proof (until);
      COMMENT ON TABLE ops.dpop_proof IS
        'Proofs of possession that were shown; where a row is lost, one could be shown again for a minute';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ops.dpop_proof;`);
  }
}
