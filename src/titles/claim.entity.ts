/** The tables of adverse claims, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'adverse_claim' })
@Index('adverse_claim_asset', ['assetId', 'recordedIndex'])
@Index('adverse_claim_claimant', ['claimant', 'recordedIndex'])
@Index('adverse_claim_recorded', ['recordedIndex'])
@Index('adverse_claim_contested', ['contested'])
@Index('adverse_claim_ended', ['endedIndex'], { where: 'ended_index IS NOT NULL' })
export class AdverseClaimEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'adverse_claim_pkey' }) id!: string;
  @Column('text', { name: 'asset_id' }) assetId!: string;
  @Column('text') claimant!: string;
  @Column('text') contested!: string;
  @Column('text') state!: string;
  @Column('jsonb') document!: object;
  @Column('text', { array: true }) acknowledged!: string[];
  @Column('bigint', { name: 'ended_index', nullable: true }) endedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'adverse_claim_act' })
@Index('adverse_claim_act_claim', ['claimId'])
export class AdverseClaimActEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'adverse_claim_act_pkey' }) id!: string;
  @Column('text', { name: 'claim_id' }) claimId!: string;
  @Column('text') act!: string;
  @Column('text') maker!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
