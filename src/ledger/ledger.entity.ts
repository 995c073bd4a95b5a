/** The tables of the schema `ledger`, and the ledger's own in `ops`, for TypeORM's comparison with the migrations. */
import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

@Entity({ schema: 'ledger', name: 'log_head' })
@Check('log_head_id_check', 'id = 1')
@Check('log_head_size_check', 'size >= 0')
export class LogHeadEntity {
  @PrimaryColumn('smallint', { primaryKeyConstraintName: 'log_head_pkey' }) id!: number;
  @Column('text') origin!: string;
  @Column('bigint') size!: string;
  @Column('bytea') root!: Buffer;
  @Column('text') note!: string;
}

@Entity({ schema: 'ledger', name: 'statement' })
@Unique('statement_payload_digest_key', ['payloadDigest'])
export class StatementEntity {
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'statement_pkey' }) index!: string;
  @Column('bytea', { name: 'payload_digest' }) payloadDigest!: Buffer;
  @Column('text') kind!: string;
  @Column('text') maker!: string;
  @Column('text') visibility!: string;
  @Column('bytea') payload!: Buffer;
  @Column('bytea') signature!: Buffer;
  @Column('bytea') spki!: Buffer;
  @Column('timestamptz', { name: 'recorded_at', default: () => 'now()' }) recordedAt!: Date;
}

@Entity({ schema: 'ledger', name: 'tile' })
@Check('tile_hashes_check', 'octet_length(hashes) >= 32 AND octet_length(hashes) <= 8192')
export class TileEntity {
  @PrimaryColumn('smallint', { primaryKeyConstraintName: 'tile_pkey' }) level!: number;
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'tile_pkey' }) index!: string;
  @Column('bytea') hashes!: Buffer;
}

@Entity({ schema: 'ledger', name: 'entry_bundle' })
export class EntryBundleEntity {
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'entry_bundle_pkey' }) index!: string;
  @Column('bytea') entries!: Buffer;
}

@Entity({ schema: 'ledger', name: 'checkpoint' })
@Index('checkpoint_published', ['publishedAt', 'size'])
export class CheckpointEntity {
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'checkpoint_pkey' }) size!: string;
  @Column('bytea') root!: Buffer;
  @Column('text') note!: string;
  @Column('timestamptz', { name: 'published_at', default: () => 'now()' }) publishedAt!: Date;
  /** Size of the checkpoint before it, 0 for the first; set by the database */
  @Column('bigint') previous!: string;
}

@Entity({ schema: 'ledger', name: 'timestamp' })
@Check('timestamp_reply_check', 'octet_length(reply) <= 65536')
export class TimestampEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'timestamp_pkey' }) kind!: string;
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'timestamp_pkey' }) number!: string;
  @Column('bytea') reply!: Buffer;
  @Column('timestamptz', { name: 'stored_at', default: () => 'now()' }) storedAt!: Date;
}

@Entity({ schema: 'registry', name: 'log_key' })
export class LogKeyEntity {
  @PrimaryColumn('text', { name: 'verifier_key', primaryKeyConstraintName: 'log_key_pkey' }) verifierKey!: string;
  @Column('bigint', { name: 'retired_index', nullable: true }) retiredIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({
  schema: 'ops',
  name: 'sealed_key',
  comment:
    "The registry's private keys, sealed under the master key. A lost key ends what it signs; a changed one does not open.",
})
export class SealedKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'sealed_key_pkey' }) name!: string;
  @Column('bytea') sealed!: Buffer;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
}

@Entity({
  schema: 'ops',
  name: 'idempotency',
  comment: 'Which record an idempotency key stands for. If a row is lost, a repeated request is judged as a new one.',
})
export class IdempotencyEntity {
  @PrimaryColumn('text', { name: 'party_id', primaryKeyConstraintName: 'idempotency_pkey' }) partyId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'idempotency_pkey' }) key!: string;
  @Column('text', { name: 'request_digest' }) requestDigest!: string;
  @Column('bigint', { name: 'statement_index' }) statementIndex!: string;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
}
