import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Title of models and datasets alike, the instruments that move it, and the interests that rest on it. */
export class Title1700000000017 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const recorded = `statement text NOT NULL, recorded_index bigint NOT NULL`;
    await runner.query(`
      ALTER TABLE registry.title RENAME COLUMN registration_id TO asset_id;
      ALTER TABLE registry.title ADD effective_from text;
      UPDATE registry.title t
        SET effective_from = left(convert_from(s.payload, 'UTF8')::jsonb #>> '{predicate,statedAt}', 10)
        FROM ledger.statement s WHERE s.index = t.recorded_index;
      ALTER TABLE registry.title ALTER effective_from SET NOT NULL;
      INSERT INTO registry.title (asset_id, party_id, share_num, share_den, effective_from, statement, recorded_index)
        SELECT d.id, d.maker, 1, 1, left(convert_from(s.payload, 'UTF8')::jsonb #>> '{predicate,statedAt}', 10),
          d.statement, d.recorded_index
        FROM registry.dataset d JOIN ledger.statement s ON s.index = d.recorded_index
        WHERE d.document #>> '{holder,party}' = d.maker;
      DROP INDEX registry.title_party;
      CREATE INDEX title_party ON registry.title (party_id, asset_id);
      CREATE INDEX checkpoint_published ON ledger.checkpoint (published_at, size);

      CREATE TABLE registry.instrument (
        id text PRIMARY KEY,
        type text NOT NULL,
        asset_id text NOT NULL,
        maker text NOT NULL,
        counterparties text[] NOT NULL,
        state text NOT NULL,
        document jsonb NOT NULL,
        accepted text[] NOT NULL,
        consented text[] NOT NULL,
        in_force_index bigint,
        ended_index bigint,
        ${recorded}
      );
      CREATE INDEX instrument_in_force ON registry.instrument (asset_id, in_force_index);
      CREATE INDEX instrument_maker ON registry.instrument (maker);
      CREATE INDEX instrument_state ON registry.instrument (state, recorded_index);
      CREATE INDEX instrument_recorded ON registry.instrument (recorded_index);
      CREATE INDEX instrument_counterparties ON registry.instrument USING gin (counterparties);
      CREATE TABLE registry.instrument_act (
        id text PRIMARY KEY,
        instrument_id text NOT NULL,
        act text NOT NULL,
        maker text NOT NULL,
        ${recorded}
      );
      CREATE INDEX instrument_act_instrument ON registry.instrument_act (instrument_id);
      CREATE TABLE registry.interest (
        id text PRIMARY KEY,
        asset_id text NOT NULL,
        kind text NOT NULL,
        grantor text NOT NULL,
        holder text NOT NULL,
        terms jsonb NOT NULL,
        share_num bigint,
        share_den bigint,
        ended_index bigint,
        ended_on text,
        ${recorded}
      );
      CREATE INDEX interest_asset ON registry.interest (asset_id);
      CREATE INDEX interest_holder ON registry.interest (holder, id);
      CREATE TABLE registry.encumbrance (
        asset_id text NOT NULL,
        party_id text NOT NULL,
        interests text[] NOT NULL,
        ${recorded},
        PRIMARY KEY (asset_id, party_id)
      );
      CREATE TABLE registry.asset_terms (
        asset_id text PRIMARY KEY,
        quorums jsonb,
        exclusive text[] NOT NULL,
        ${recorded}
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE registry.asset_terms, registry.encumbrance, registry.interest, registry.instrument_act,
        registry.instrument;
      DROP INDEX ledger.checkpoint_published;
      DROP INDEX registry.title_party;
      CREATE INDEX title_party ON registry.title (party_id);
      DELETE FROM registry.title WHERE asset_id LIKE 'dataset\\_%';
      ALTER TABLE registry.title DROP COLUMN effective_from;
      ALTER TABLE registry.title RENAME COLUMN asset_id TO registration_id;
    `);
  }
}
