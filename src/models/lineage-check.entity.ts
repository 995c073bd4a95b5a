/** The tables of lineage checks, for TypeORM's comparison with the migrations; rows are as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'lineage_check' })
@Index('lineage_check_registration', ['registrationId', 'recordedIndex'])
export class LineageCheckEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'lineage_check_pkey' }) id!: string;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('text') relation!: string;
  @Column('text') parent!: string;
  @Column('text') maker!: string;
  @Column('text') method!: string;
  @Column('text') finding!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'lineage_standing' })
export class LineageStandingEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'lineage_standing_pkey' })
  registrationId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'lineage_standing_pkey' }) relation!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'lineage_standing_pkey' }) parent!: string;
  @Column('text') standing!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
