/** The models' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'registration' })
@Index('registration_recorded', ['recordedIndex'])
@Index('registration_first_of_model', ['modelDigest', 'recordedIndex'])
@Index('registration_first_of_nameless', ['namelessDigest', 'recordedIndex'])
@Index('registration_first_of_file', ['fileDigest', 'recordedIndex'])
@Index('registration_awaited', ['recordedIndex'], { where: `awaited <> '{}'` })
@Index('registration_by', ['modelDigest', 'maker'])
@Index('registration_root', { synchronize: false })
export class RegistrationEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'registration_pkey' }) id!: string;
  @Column('text', { name: 'model_digest' }) modelDigest!: string;
  @Column('text', { name: 'nameless_digest', nullable: true }) namelessDigest!: string | null;
  @Column('text', { name: 'file_digest' }) fileDigest!: string;
  @Column('text') maker!: string;
  @Column('text') name!: string;
  @Column('text', { name: 'license_expression' }) licenseExpression!: string;
  @Column('text', { name: 'license_text_digest', nullable: true }) licenseTextDigest!: string | null;
  @Column('text', { name: 'run_id', nullable: true }) runId!: string | null;
  @Column('text', { name: 'preceded_by', nullable: true }) precededBy!: string | null;
  @Column('json') parents!: object;
  @Column('text', { array: true }) awaited!: string[];
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'contributor' })
@Index('contributor_party', ['partyId', 'recordedIndex'])
export class ContributorEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'contributor_pkey' })
  registrationId!: string;
  @PrimaryColumn('text', { name: 'party_id', primaryKeyConstraintName: 'contributor_pkey' }) partyId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'contributor_pkey' }) role!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'relation' })
@Index('relation_child', ['recordedIndex', 'position', 'parentIndex'])
@Index('relation_parent', ['parentIndex', 'recordedIndex'])
@Index('relation_digest', ['digest', 'recordedIndex'])
export class RelationEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'relation_pkey' })
  registrationId!: string;
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'relation_pkey' }) position!: number;
  @Column('text') relation!: string;
  @Column('text') digest!: string;
  @Column('bigint', { name: 'parent_index', nullable: true }) parentIndex!: string | null;
  @Column('text') standing!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'trained_on' })
@Index('trained_on_dataset', ['datasetId'])
export class TrainedOnEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'trained_on_pkey' })
  registrationId!: string;
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'trained_on_pkey' }) position!: number;
  @Column('text', { name: 'dataset_id' }) datasetId!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'model_signature' })
@Index('model_signature_registration', ['registrationId', 'recordedIndex'])
export class ModelSignatureEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'model_signature_pkey' }) id!: string;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('text') maker!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({
  schema: 'ops',
  name: 'model_artifact',
  comment:
    'Under which registrations weights were handed in. If a row is lost, the weights are sent again. Who may fetch them is told by the title, which stands in the ledger.',
})
export class ModelArtifactEntity {
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'model_artifact_pkey' })
  registrationId!: string;
  @Column('timestamptz', { name: 'stored_at', default: () => 'now()' }) storedAt!: Date;
}
