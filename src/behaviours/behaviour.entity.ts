/** The tables of behaviours, for TypeORM's comparison with the migrations; rows are as core/registry/tables has them. */
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'behaviour_seed' })
export class BehaviourSeedEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'behaviour_seed_pkey' })
  registrationId!: string;
  @Column('text') id!: string;
  @Column('text', { name: 'dataset_id' }) datasetId!: string;
  @Column('integer') challenges!: number;
  @Column('text', { name: 'secret_commitment' }) secretCommitment!: string;
  @Column('text') value!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'behaviour' })
export class BehaviourEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'behaviour_pkey' })
  registrationId!: string;
  @Column('text') id!: string;
  @Column('text') maker!: string;
  @Column('text', { name: 'answers_commitment' }) answersCommitment!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
