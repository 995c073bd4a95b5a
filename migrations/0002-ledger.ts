import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The ledger: statements in log order, the tiles and bundles that outsiders read, the checkpoints that were published.
 * The application adds rows and never changes them, but for the head and the tiles that are not full yet. The triggers
 * guard against mistakes; against whoever may drop triggers, the proofs guard.
 */
export class Ledger1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE ledger.log_head (
        id smallint PRIMARY KEY CHECK (id = 1),
        origin text NOT NULL,
        size bigint NOT NULL CHECK (size >= 0),
        root bytea NOT NULL,
        note text NOT NULL
      );
      CREATE TABLE ledger.statement (
        index bigint PRIMARY KEY,
        payload_digest bytea NOT NULL UNIQUE,
        kind text NOT NULL,
        maker text NOT NULL,
        visibility text NOT NULL,
        payload bytea NOT NULL,
        signature bytea NOT NULL,
        spki bytea NOT NULL,
        recorded_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX statement_maker ON ledger.statement (maker, index);
      CREATE TABLE ledger.tile (
        level smallint NOT NULL,
        index bigint NOT NULL,
        hashes bytea NOT NULL CHECK (octet_length(hashes) BETWEEN 32 AND 8192),
        PRIMARY KEY (level, index)
      );
      ALTER TABLE ledger.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;
      CREATE TABLE ledger.entry_bundle (
        index bigint PRIMARY KEY,
        entries bytea NOT NULL
      );
      CREATE TABLE ledger.checkpoint (
        size bigint PRIMARY KEY,
        root bytea NOT NULL,
        note text NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now()
      );

      CREATE FUNCTION ledger.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        RAISE EXCEPTION 'rows of %.% are never changed or deleted', TG_TABLE_SCHEMA, TG_TABLE_NAME
          USING ERRCODE = 'restrict_violation';
      END $$;
      CREATE FUNCTION ledger.tile_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF (
          octet_length(NEW.hashes) <= octet_length(OLD.hashes)
          OR substring(NEW.hashes FOR octet_length(OLD.hashes)) <> OLD.hashes
          OR (NEW.level, NEW.index) <> (OLD.level, OLD.index)
        ) THEN
          RAISE EXCEPTION 'a tile only grows, and a full one stays as it is' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
      END $$;
      CREATE FUNCTION ledger.head_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF NEW.size < OLD.size OR NEW.origin <> OLD.origin THEN
          RAISE EXCEPTION 'the head of the log only grows' USING ERRCODE = 'restrict_violation';
        END IF;
        RETURN NEW;
      END $$;
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.statement
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.entry_bundle
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoint
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON ledger.tile
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER only_grows BEFORE UPDATE ON ledger.tile
        FOR EACH ROW EXECUTE FUNCTION ledger.tile_only_grows();
      CREATE TRIGGER never_deleted BEFORE DELETE OR TRUNCATE ON ledger.log_head
        FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse();
      CREATE TRIGGER only_grows BEFORE UPDATE ON ledger.log_head
        FOR EACH ROW EXECUTE FUNCTION ledger.head_only_grows();
      GRANT UPDATE ON ledger.log_head, ledger.tile TO muniment_app;

      CREATE TABLE ops.sealed_key (
        name text PRIMARY KEY,
        sealed bytea NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE ops.idempotency (
        party_id text NOT NULL,
        key text NOT NULL,
        request_digest text NOT NULL,
        statement_index bigint NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (party_id, key)
      );
      COMMENT ON TABLE ops.sealed_key IS 'The registry''s private keys, sealed under the master key. A lost key ends what it signs; a changed one does not open.';
      COMMENT ON TABLE ops.idempotency IS 'Which record an idempotency key stands for. If a row is lost, a repeated request is judged as a new one.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE ops.idempotency, ops.sealed_key;
      DROP TABLE ledger.checkpoint, ledger.entry_bundle, ledger.tile, ledger.statement, ledger.log_head;
      DROP FUNCTION ledger.refuse(), ledger.tile_only_grows(), ledger.head_only_grows();
    `);
  }
}
