import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Parties that merge and split, what is done about that, and how interests pass on by it. */
export class Successions1700000000023 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      CREATE TABLE registry.succession (
        id text PRIMARY KEY,
        type text NOT NULL,
        predecessor text NOT NULL,
        successors text[] NOT NULL,
        maker text NOT NULL,
        state text NOT NULL,
        document jsonb NOT NULL,
        accepted text[] NOT NULL,
        in_force_index bigint,
        ended_index bigint,
        ${recorded}
      );
      CREATE INDEX succession_predecessor ON registry.succession (predecessor);
      CREATE INDEX succession_successors ON registry.succession USING gin (successors);
      CREATE INDEX succession_recorded ON registry.succession (recorded_index);
      CREATE TABLE registry.succession_act (
        id text PRIMARY KEY,
        succession_id text NOT NULL,
        act text NOT NULL,
        maker text NOT NULL,
        ${recorded}
      );
      CREATE INDEX succession_act_succession ON registry.succession_act (succession_id);
      CREATE TABLE registry.ended_party (
        party_id text PRIMARY KEY,
        succession_id text NOT NULL,
        ${recorded}
      );
      CREATE TABLE registry.interest_passage (
        interest_id text NOT NULL,
        instrument_id text NOT NULL,
        grantor text NOT NULL,
        holder text NOT NULL,
        former_holder text NOT NULL,
        ${recorded},
        PRIMARY KEY (interest_id, instrument_id)
      );
      CREATE INDEX interest_passage_former_holder ON registry.interest_passage (former_holder, interest_id);
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.interest_passage, registry.ended_party, registry.succession_act, registry.succession;
    `);
  }
}
