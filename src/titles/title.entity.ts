/** The tables of title, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'title' })
@Index('title_party', ['partyId', 'assetId'])
export class TitleEntity {
  @PrimaryColumn('text', { name: 'asset_id', primaryKeyConstraintName: 'title_pkey' }) assetId!: string;
  @PrimaryColumn('text', { name: 'party_id', primaryKeyConstraintName: 'title_pkey' }) partyId!: string;
  @Column('bigint', { name: 'share_num' }) shareNum!: string;
  @Column('bigint', { name: 'share_den' }) shareDen!: string;
  @Column('text', { name: 'effective_from' }) effectiveFrom!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'instrument' })
@Index('instrument_in_force', ['assetId', 'inForceIndex'])
@Index('instrument_maker', ['maker'])
@Index('instrument_state', ['state', 'recordedIndex'])
@Index('instrument_recorded', ['recordedIndex'])
@Index('instrument_counterparties', { synchronize: false })
export class InstrumentEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'instrument_pkey' }) id!: string;
  @Column('text') type!: string;
  @Column('text', { name: 'asset_id' }) assetId!: string;
  @Column('text') maker!: string;
  @Column('text', { array: true }) counterparties!: string[];
  @Column('text') state!: string;
  @Column('jsonb') document!: object;
  @Column('text', { array: true }) accepted!: string[];
  @Column('text', { array: true }) consented!: string[];
  @Column('bigint', { name: 'in_force_index', nullable: true }) inForceIndex!: string | null;
  @Column('bigint', { name: 'ended_index', nullable: true }) endedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'instrument_act' })
@Index('instrument_act_instrument', ['instrumentId'])
export class InstrumentActEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'instrument_act_pkey' }) id!: string;
  @Column('text', { name: 'instrument_id' }) instrumentId!: string;
  @Column('text') act!: string;
  @Column('text') maker!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'interest' })
@Index('interest_asset', ['assetId'])
@Index('interest_holder', ['holder', 'id'])
export class InterestEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'interest_pkey' }) id!: string;
  @Column('text', { name: 'asset_id' }) assetId!: string;
  @Column('text') kind!: string;
  @Column('text') grantor!: string;
  @Column('text') holder!: string;
  @Column('jsonb') terms!: object;
  @Column('bigint', { name: 'share_num', nullable: true }) shareNum!: string | null;
  @Column('bigint', { name: 'share_den', nullable: true }) shareDen!: string | null;
  @Column('bigint', { name: 'ended_index', nullable: true }) endedIndex!: string | null;
  @Column('text', { name: 'ended_on', nullable: true }) endedOn!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'encumbrance' })
export class EncumbranceEntity {
  @PrimaryColumn('text', { name: 'asset_id', primaryKeyConstraintName: 'encumbrance_pkey' }) assetId!: string;
  @PrimaryColumn('text', { name: 'party_id', primaryKeyConstraintName: 'encumbrance_pkey' }) partyId!: string;
  @Column('text', { array: true }) interests!: string[];
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'asset_terms' })
export class AssetTermsEntity {
  @PrimaryColumn('text', { name: 'asset_id', primaryKeyConstraintName: 'asset_terms_pkey' }) assetId!: string;
  @Column('jsonb', { nullable: true }) quorums!: object | null;
  @Column('text', { array: true }) exclusive!: string[];
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
