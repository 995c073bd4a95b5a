import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Who is told what happened, how far that has come, and every delivery; and the keys that sign checkpoints, of which a
 * log that was begun before has the one that its first statement introduces.
 */
export class WebhooksAndLogKeys1700000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ops.webhook (
        id text PRIMARY KEY,
        party_id text NOT NULL,
        url text NOT NULL,
        events text[] NOT NULL,
        digests text[] NOT NULL,
        parties text[] NOT NULL,
        since_index bigint NOT NULL,
        secret bytea NOT NULL,
        previous_secret bytea,
        previous_until timestamptz,
        made_at timestamptz NOT NULL DEFAULT now(),
        failing_since timestamptz,
        CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
      );
      CREATE INDEX webhook_party ON ops.webhook (party_id, id);
      COMMENT ON TABLE ops.webhook IS 'Where parties want to be told what happens. If a row is lost, its party is told '
        'nothing more until it registers the address again; the log, which it is told about, stands without it.';

      CREATE TABLE ops.webhook_cursor (
        id smallint PRIMARY KEY DEFAULT 1,
        next_index bigint NOT NULL,
        CHECK (id = 1)
      );
      COMMENT ON TABLE ops.webhook_cursor IS 'Up to which entry of the log events were made. If the row is lost, they are '
        'made again from the oldest webhook on, under the same ids, and those that are still listed are not sent again.';

      CREATE TABLE ops.webhook_delivery (
        id text PRIMARY KEY,
        webhook_id text NOT NULL,
        event text NOT NULL,
        log_index bigint NOT NULL,
        body text NOT NULL,
        state text NOT NULL,
        job_id uuid NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        status integer,
        error text,
        made_at timestamptz NOT NULL DEFAULT now(),
        attempted_at timestamptz,
        CHECK (state IN ('waiting', 'delivered', 'failed'))
      );
      CREATE INDEX webhook_delivery_order ON ops.webhook_delivery (webhook_id, log_index, id);
      CREATE INDEX webhook_delivery_age ON ops.webhook_delivery (made_at);
      CREATE INDEX webhook_delivery_waiting ON ops.webhook_delivery (job_id) WHERE state = 'waiting';
      COMMENT ON TABLE ops.webhook_delivery IS 'What was sent to webhooks, pruned after the set number of days. If a row is '
        'lost, that event cannot be sent again by hand; it stands in the log, which its receiver can read.';

      CREATE TABLE registry.log_key (
        verifier_key text PRIMARY KEY,
        retired_index bigint,
        statement text NOT NULL,
        recorded_index bigint NOT NULL
      );
      INSERT INTO registry.log_key (verifier_key, statement, recorded_index)
        SELECT convert_from(payload, 'UTF8')::jsonb #>> '{predicate,verifierKey}',
          'sha256:' || encode(payload_digest, 'hex'), 0
        FROM ledger.statement WHERE index = 0;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE registry.log_key, ops.webhook_delivery, ops.webhook_cursor, ops.webhook');
  }
}
