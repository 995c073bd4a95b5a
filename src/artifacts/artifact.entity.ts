/** The tables of accesses to stored weights, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({
  schema: 'ops',
  name: 'artifact_access',
  comment:
    "Written before the first byte of stored weights leaves. It confers nothing: it is the operator's account of who fetched what, not a proof.",
})
@Index('artifact_access_registration', ['registrationId', 'id'])
export class ArtifactAccessEntity {
  @PrimaryColumn('bigint', {
    primaryKeyConstraintName: 'artifact_access_pkey',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
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
