/** The tokens' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'token_key' })
export class TokenKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_key_pkey' }) kid!: string;
  @Column('text') spki!: string;
  @Column('text', { name: 'not_before' }) notBefore!: string;
  @Column('bigint', { name: 'retired_index', nullable: true }) retiredIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'token_revocation' })
export class TokenRevocationEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_revocation_pkey' }) jti!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'token_batch' })
export class TokenBatchEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_batch_pkey' }) id!: string;
  @Column('integer') size!: number;
  @Column('text') root!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
