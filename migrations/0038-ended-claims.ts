import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Status lists follow the claims that end, each from its place in the log. */
export class EndedClaims1700000000038 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      `CREATE INDEX adverse_claim_ended ON registry.adverse_claim (ended_index) WHERE ended_index IS NOT NULL`,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP INDEX registry.adverse_claim_ended`);
  }
}
