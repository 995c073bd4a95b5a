/** The datasets' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'dataset' })
@Index('dataset_manifest', ['manifestDigest'])
export class DatasetEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'dataset_pkey' }) id!: string;
  @Column('text', { name: 'manifest_digest' }) manifestDigest!: string;
  @Column('text') maker!: string;
  @Column('text') name!: string;
  @Column('jsonb') document!: object;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'dataset_version' })
export class DatasetVersionEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'dataset_version_pkey' }) maker!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'dataset_version_pkey' }) name!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'dataset_version_pkey' }) version!: string;
  @Column('text', { name: 'dataset_id' }) datasetId!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({
  schema: 'ops',
  name: 'dataset_file',
  comment:
    'Which files of a dataset its maker handed in. If a row is lost, the file is sent again; a run on the dataset waits for that. It grants nothing beyond what its maker brought along.',
})
export class DatasetFileEntity {
  @PrimaryColumn('text', { name: 'dataset_id', primaryKeyConstraintName: 'dataset_file_pkey' }) datasetId!: string;
  @PrimaryColumn('text', { name: 'file_digest', primaryKeyConstraintName: 'dataset_file_pkey' }) fileDigest!: string;
  @Column('timestamptz', { name: 'stored_at', default: () => 'now()' }) storedAt!: Date;
}
