/** The tables of accesses to stored weights, for TypeORM's comparison with the migrations. */
import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** Written before the first byte of stored weights leaves; the log commits to it (see core/licensing/access-record). */
@Entity({ schema: 'registry', name: 'artifact_access' })
@Index('artifact_access_registration', ['registrationId', 'id'])
@Index('artifact_access_open', ['accessedAt', 'id'], { where: 'batch_id IS NULL' })
@Index('artifact_access_place', ['batchId', 'position'])
@Check('artifact_access_check', '(batch_id IS NULL) = ("position" IS NULL)')
export class ArtifactAccessEntity {
  @PrimaryColumn('bigint', {
    primaryKeyConstraintName: 'artifact_access_pkey',
    generated: 'identity',
    generatedIdentity: 'BY DEFAULT',
  })
  id!: string;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text', { name: 'api_key_id' }) apiKeyId!: string;
  @Column('text', { name: 'file_digest' }) fileDigest!: string;
  @Column('timestamptz', { name: 'accessed_at', default: () => 'now()' }) accessedAt!: Date;
  @Column('text', { nullable: true }) jti!: string | null;
  @Column('text', { name: 'grant_id', nullable: true }) grantId!: string | null;
  @Column('bigint', { name: 'first_byte', nullable: true }) firstByte!: string | null;
  @Column('bigint', { name: 'last_byte', nullable: true }) lastByte!: string | null;
  @Column('text') salt!: string;
  @Column('text', { name: 'batch_id', nullable: true }) batchId!: string | null;
  @Column('integer', { nullable: true }) position!: number | null;
}

@Entity({ schema: 'registry', name: 'access_batch' })
export class AccessBatchEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'access_batch_pkey' }) id!: string;
  @Column('integer') size!: number;
  @Column('text') root!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({
  schema: 'ops',
  name: 'artifact_delivery',
  comment: "How much of the weights left at an access. It confers nothing: it is the operator's account, not a proof.",
})
export class ArtifactDeliveryEntity {
  @PrimaryColumn('bigint', { name: 'access_id', primaryKeyConstraintName: 'artifact_delivery_pkey' }) accessId!: string;
  @Column('bigint') bytes!: string;
  @Column('boolean') complete!: boolean;
  @Column('timestamptz', { name: 'ended_at', default: () => 'now()' }) endedAt!: Date;
}
