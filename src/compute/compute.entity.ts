/** The tables of compute and quotas, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'compute' })
@Index('compute_provider', ['provider', 'recordedIndex'])
@Index('compute_consumer', ['consumer', 'recordedIndex'])
export class ComputeEntity {
  @PrimaryColumn('text', { name: 'run_id', primaryKeyConstraintName: 'compute_pkey' }) runId!: string;
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'compute_pkey' }) position!: number;
  @Column('text') provider!: string;
  @Column('text') consumer!: string;
  @Column('bigint', { name: 'core_ms' }) coreMs!: string;
  @Column('bigint', { name: 'device_ms', nullable: true }) deviceMs!: string | null;
  @Column('text') backend!: string;
  @Column('text') device!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'quota' })
@Index('quota_party', ['partyId', 'recordedIndex'])
export class QuotaEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'quota_pkey' }) id!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('bigint', { name: 'core_seconds', nullable: true }) coreSeconds!: string | null;
  @Column('bigint', { name: 'device_seconds', nullable: true }) deviceSeconds!: string | null;
  @Column('integer', { name: 'runs_at_once', nullable: true }) runsAtOnce!: number | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
