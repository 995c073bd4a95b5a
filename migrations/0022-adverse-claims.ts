import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What parties claim against what is on record, and what is done about their claims. */
export class AdverseClaims1700000000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      CREATE TABLE registry.adverse_claim (
        id text PRIMARY KEY,
        asset_id text NOT NULL,
        claimant text NOT NULL,
        contested text NOT NULL,
        state text NOT NULL,
        document jsonb NOT NULL,
        acknowledged text[] NOT NULL,
        ended_index bigint,
        ${recorded}
      );
      CREATE INDEX adverse_claim_asset ON registry.adverse_claim (asset_id, recorded_index);
      CREATE INDEX adverse_claim_claimant ON registry.adverse_claim (claimant, recorded_index);
      CREATE INDEX adverse_claim_recorded ON registry.adverse_claim (recorded_index);
      CREATE INDEX adverse_claim_contested ON registry.adverse_claim (contested);
      CREATE TABLE registry.adverse_claim_act (
        id text PRIMARY KEY,
        claim_id text NOT NULL,
        act text NOT NULL,
        maker text NOT NULL,
        ${recorded}
      );
      CREATE INDEX adverse_claim_act_claim ON registry.adverse_claim_act (claim_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE registry.adverse_claim_act, registry.adverse_claim;`);
  }
}
