/** The runs' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, PrimaryColumn } from 'typeorm';

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
