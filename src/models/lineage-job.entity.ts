/** The table of the lineage checks that workers make, for TypeORM's comparison with the migrations. */
import { Check, Column, Entity, PrimaryColumn, Unique } from 'typeorm';

@Entity({
  schema: 'ops',
  name: 'lineage_check_job',
  comment:
    'Which edges of lineages the registry checks by itself, and how far it is. If a row is lost, the edge is checked again; what was found stands in the ledger, and nothing is judged by this.',
})
@Check('lineage_check_job_state_check', `state IN ('queued', 'running', 'recorded', 'unexplained', 'failed')`)
@Unique('lineage_check_job_edge', ['registrationId', 'relation', 'parent'])
export class LineageCheckJobEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'lineage_check_job_pkey' }) id!: string;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('text') relation!: string;
  /** Of a merge the first that it declares */
  @Column('text') parent!: string;
  /** Ids of the statements to come, one a parent; told to nobody before, or somebody could take them */
  @Column('text', { array: true }) checks!: string[];
  @Column('uuid', { name: 'job_id' }) jobId!: string;
  @Column('text', { default: 'queued' }) state!: string;
  @Column('integer', { default: 0 }) attempt!: number;
  @Column('text', { nullable: true }) worker!: string | null;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
  @Column('timestamptz', { name: 'started_at', nullable: true }) startedAt!: Date | null;
  @Column('jsonb', { nullable: true }) progress!: object | null;
  @Column('jsonb', { nullable: true }) found!: object | null;
  /** Of the program that found it */
  @Column('text', { nullable: true }) version!: string | null;
  @Column('jsonb', { nullable: true }) error!: object | null;
  @Column('timestamptz', { name: 'changed_at', default: () => 'now()' }) changedAt!: Date;
}
