/** The tables of replays, for TypeORM's comparison with the migrations; `registry.replay` is as core/registry/tables has it. */
import { Check, Column, Entity, Index, PrimaryColumn, Unique } from 'typeorm';

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

@Entity({
  schema: 'ops',
  name: 'replay_request',
  comment:
    'Which run a party asked to be trained again. If a row is lost, an unfinished replay must be asked for again; a finished one stands in the ledger, which judges what is stated of it.',
})
@Check('replay_request_epochs_check', 'from_epoch BETWEEN 1 AND through_epoch')
@Index('replay_request_owner', ['owner', 'madeAt'])
@Unique('replay_request_idempotency', ['owner', 'idempotencyKey'])
export class ReplayRequestEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'replay_request_pkey' }) id!: string;
  @Column('text') owner!: string;
  @Column('text', { name: 'run_id' }) runId!: string;
  @Column('integer', { name: 'from_epoch' }) fromEpoch!: number;
  @Column('integer', { name: 'through_epoch' }) throughEpoch!: number;
  @Column('uuid', { name: 'job_id' }) jobId!: string;
  @Column('text', { name: 'idempotency_key', nullable: true }) idempotencyKey!: string | null;
  @Column('text', { name: 'request_digest', nullable: true }) requestDigest!: string | null;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
}
