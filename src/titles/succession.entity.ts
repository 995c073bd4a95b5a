/** The tables of successions, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'succession' })
@Index('succession_predecessor', ['predecessor'])
@Index('succession_recorded', ['recordedIndex'])
@Index('succession_successors', { synchronize: false })
export class SuccessionEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'succession_pkey' }) id!: string;
  @Column('text') type!: string;
  @Column('text') predecessor!: string;
  @Column('text', { array: true }) successors!: string[];
  @Column('text') maker!: string;
  @Column('text') state!: string;
  @Column('jsonb') document!: object;
  @Column('text', { array: true }) accepted!: string[];
  @Column('bigint', { name: 'in_force_index', nullable: true }) inForceIndex!: string | null;
  @Column('bigint', { name: 'ended_index', nullable: true }) endedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'succession_act' })
@Index('succession_act_succession', ['successionId'])
export class SuccessionActEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'succession_act_pkey' }) id!: string;
  @Column('text', { name: 'succession_id' }) successionId!: string;
  @Column('text') act!: string;
  @Column('text') maker!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'ended_party' })
export class EndedPartyEntity {
  @PrimaryColumn('text', { name: 'party_id', primaryKeyConstraintName: 'ended_party_pkey' }) partyId!: string;
  @Column('text', { name: 'succession_id' }) successionId!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'interest_passage' })
@Index('interest_passage_former_holder', ['formerHolder', 'interestId'])
export class InterestPassageEntity {
  @PrimaryColumn('text', { name: 'interest_id', primaryKeyConstraintName: 'interest_passage_pkey' })
  interestId!: string;
  @PrimaryColumn('text', { name: 'instrument_id', primaryKeyConstraintName: 'interest_passage_pkey' })
  instrumentId!: string;
  @Column('text') grantor!: string;
  @Column('text') holder!: string;
  @Column('text', { name: 'former_holder' }) formerHolder!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
