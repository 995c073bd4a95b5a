/** The table of replays, for TypeORM's comparison with the migrations; rows are as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'replay' })
@Index('replay_run', ['runId', 'recordedIndex'])
export class ReplayEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replay_pkey' }) id!: string;
  @Column('text', { name: 'run_id' }) runId!: string;
  @Column('text') maker!: string;
  @Column('text') outcome!: string;
  @Column('integer', { name: 'through_epoch' }) throughEpoch!: number;
  @Column('integer', { name: 'first_difference', nullable: true }) firstDifference!: number | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
