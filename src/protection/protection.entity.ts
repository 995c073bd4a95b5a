/** The tables of rights records, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'rights_record' })
@Index('rights_record_about', ['about', 'recordedIndex'])
export class RightsRecordEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'rights_record_pkey' }) id!: string;
  @Column('text') about!: string;
  @Column('text') maker!: string;
  @Column('text') respect!: string;
  @Column('text', { nullable: true }) supersedes!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'rights_standing' })
export class RightsStandingEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'rights_standing_pkey' }) about!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'rights_standing_pkey' }) maker!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'rights_standing_pkey' }) respect!: string;
  @Column('text', { name: 'record_id' }) recordId!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
