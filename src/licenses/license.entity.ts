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
export class LicenseGrantEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'license_grant_pkey' }) id!: string;
  @Column('text', { name: 'registration_id' }) registrationId!: string;
  @Column('text') licensor!: string;
  @Column('text') licensee!: string;
  @Column('jsonb') document!: object;
  @Column('bigint', { name: 'revoked_index', nullable: true }) revokedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
