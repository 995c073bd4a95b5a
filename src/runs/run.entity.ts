/** The runs' tables, for TypeORM's comparison with the migrations; `registry.run` is as core/registry/tables has it. */
import { Check, Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn, Unique } from 'typeorm';

@Entity({ schema: 'registry', name: 'run' })
export class RunEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'run_pkey' }) id!: string;
  @Column('text') owner!: string;
  @Column('text', { name: 'weight_digest' }) weightDigest!: string;
  @Column('text', { name: 'file_digest' }) fileDigest!: string;
  @Column('jsonb') document!: object;
  @Column('text', { name: 'registration_id', nullable: true }) registrationId!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({
  schema: 'ops',
  name: 'run_request',
  comment:
    'What a party asked to be trained. If a row is lost, an unfinished run must be asked for again; a finished one stands in the ledger. It grants nothing: the ledger judges the statements.',
})
@Index('run_request_owner', ['owner', 'madeAt'])
@Unique('run_request_idempotency', ['owner', 'idempotencyKey'])
export class RunRequestEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'run_request_pkey' }) id!: string;
  @Column('text') owner!: string;
  @Column('text') name!: string;
  @Column('text') dataset!: string;
  @Column('jsonb') hyperparameters!: object;
  @Column('text', { nullable: true }) backend!: string | null;
  @Column('jsonb') owners!: object;
  @Column('jsonb', { nullable: true }) contributors!: object | null;
  @Column('jsonb') license!: object;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('uuid', { name: 'job_id' }) jobId!: string;
  @Column('text', { name: 'idempotency_key', nullable: true }) idempotencyKey!: string | null;
  @Column('text', { name: 'request_digest', nullable: true }) requestDigest!: string | null;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
}

@Entity({
  schema: 'ops',
  name: 'run_progress',
  comment:
    'Where a run, or a replay of one, stands and which attempt may write. If a row is lost, it is trained again or shows as its statement in the ledger has it; nothing is ever judged by it.',
})
@Check('run_progress_state_check', `state IN ('queued', 'running', 'recording', 'trained', 'failed', 'cancelled')`)
@Index('run_progress_open', ['state'], { where: `state IN ('queued', 'running', 'recording')` })
export class RunProgressEntity {
  @PrimaryColumn('text', { name: 'run_id', primaryKeyConstraintName: 'run_progress_pkey' }) runId!: string;
  @Column('text') state!: string;
  @Column('integer', { default: 0 }) attempt!: number;
  @Column('text', { nullable: true }) worker!: string | null;
  @Column('timestamptz', { name: 'started_at', nullable: true }) startedAt!: Date | null;
  @Column('jsonb', { nullable: true }) progress!: object | null;
  @Column('jsonb', { nullable: true }) environment!: object | null;
  @Column('jsonb', { nullable: true }) compute!: object | null;
  @Column('jsonb', { nullable: true }) body!: object | null;
  @Column('jsonb', { nullable: true }) error!: object | null;
  @Column('timestamptz', { name: 'changed_at', default: () => 'now()' }) changedAt!: Date;
}

@Entity({
  schema: 'ops',
  name: 'run_epoch',
  comment:
    'The epochs behind a run, or a replay of one, and where it can go on. If a row is lost, the epoch is trained again; the statement in the ledger holds every epoch of a finished run.',
})
@Check('run_epoch_epoch_check', 'epoch > 0')
export class RunEpochEntity {
  @PrimaryColumn('text', { name: 'run_id', primaryKeyConstraintName: 'run_epoch_pkey' }) runId!: string;
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'run_epoch_pkey' }) epoch!: number;
  @Column('jsonb') metrics!: object;
  @Column('text', { name: 'weight_digest' }) weightDigest!: string;
  @Column('text', { name: 'checkpoint_digest', nullable: true }) checkpointDigest!: string | null;
}

@Entity({
  schema: 'ops',
  name: 'run_access',
  comment: 'Who fetched the weights of a run. It is a log for the owner and the operator; nothing is decided by it.',
})
@Index('run_access_run', ['runId'])
export class RunAccessEntity {
  @PrimaryGeneratedColumn('identity', { type: 'bigint', primaryKeyConstraintName: 'run_access_pkey' }) id!: string;
  @Column('text', { name: 'run_id' }) runId!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text', { name: 'api_key_id' }) apiKeyId!: string;
  @Column('text', { name: 'file_digest' }) fileDigest!: string;
  @Column('timestamptz', { name: 'accessed_at', default: () => 'now()' }) accessedAt!: Date;
}
