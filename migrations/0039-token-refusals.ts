import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Who was refused a token, or with one, and why: for whoever looks into a misuse, as long as the operator keeps it. */
export class TokenRefusals1700000000039 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.token_refusal (
        id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT token_refusal_pkey PRIMARY KEY,
        refused_at timestamptz NOT NULL DEFAULT now(),
        endpoint text NOT NULL,
        code text NOT NULL,
        party_id text,
        api_key_id text,
        grant_id text,
        jti text,
        times integer NOT NULL
      );
      CREATE INDEX token_refusal_at ON ops.token_refusal (refused_at);
      CREATE INDEX token_refusal_party ON ops.token_refusal (party_id, id);
      CREATE INDEX token_refusal_grant ON ops.token_refusal (grant_id, id);
      COMMENT ON TABLE ops.token_refusal IS
        'Who was refused a license token, or with one, and why. It proves nothing and is pruned: what counts in a case are the accesses and issuances that the log commits to.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DROP TABLE ops.token_refusal;`);
  }
}
