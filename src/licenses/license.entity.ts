/** The licenses' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'license' })
@Index('license_asset', ['assetId', 'recordedIndex'])
@Index('license_licensor', ['licensor', 'recordedIndex'])
export class LicenseEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'license_pkey' }) id!: string;
  @Column('text', { name: 'asset_id' }) assetId!: string;
  @Column('text') licensor!: string;
  @Column('jsonb') document!: object;
  @Column('integer') version!: number;
  @Column('bigint', { name: 'ended_index', nullable: true }) endedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'license_grant' })
@Index('license_grant_registration', ['registrationId'])
@Index('license_grant_licensee', ['licensee'])
@Index('license_grant_changed', ['changedIndex'])
@Index('license_grant_above', { synchronize: false })
@Index('license_grant_ends', ['endsAt'], { where: 'ends_at IS NOT NULL' })
@Index('license_grant_expires', ['expiresAt'], { where: 'expires_at IS NOT NULL' })
export class LicenseGrantEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'license_grant_pkey' }) id!: string;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('text') licensor!: string;
  @Column('text') licensee!: string;
  @Column('jsonb') document!: object;
  @Column('text', { array: true }) above!: string[];
  @Column('text') stage!: string;
  @Column('text', { name: 'suspended_by', nullable: true }) suspendedBy!: string | null;
  @Column('text', { name: 'expires_at', nullable: true }) expiresAt!: string | null;
  @Column('text', { name: 'ends_at', nullable: true }) endsAt!: string | null;
  @Column('text', { name: 'renewed_by', nullable: true }) renewedBy!: string | null;
  @Column('bigint', { name: 'changed_index' }) changedIndex!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'grant_act' })
@Index('grant_act_grant', ['grantId', 'recordedIndex'])
export class GrantActEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'grant_act_pkey' }) id!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text') act!: string;
  @Column('text') maker!: string;
  @Column('text', { name: 'ends_at', nullable: true }) endsAt!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'grant_notice' })
export class GrantNoticeEntity {
  @PrimaryColumn('text', { name: 'grant_id', primaryKeyConstraintName: 'grant_notice_pkey' }) grantId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'grant_notice_pkey' }) notice!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
