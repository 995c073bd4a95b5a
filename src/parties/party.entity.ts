/** The parties' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'party' })
export class PartyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'party_pkey' }) id!: string;
  @Column('text') kind!: string;
  @Column('text', { array: true }) roles!: string[];
  @Column('text', { name: 'name_commitment' }) nameCommitment!: string;
  @Column('boolean') keyed!: boolean;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'commitment' })
export class CommitmentEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'commitment_pkey' }) commitment!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('bigint', { name: 'erased_index', nullable: true }) erasedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'disclosure' })
export class DisclosureEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'disclosure_pkey' }) commitment!: string;
  @Column('text') value!: string;
  @Column('text') salt!: string;
}

@Entity({ schema: 'registry', name: 'party_key' })
@Index('party_key_party', ['partyId'])
export class PartyKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'party_key_pkey' }) fingerprint!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text') spki!: string;
  @Column('bigint', { name: 'revoked_index', nullable: true }) revokedIndex!: string | null;
  @Column('text', { name: 'revoked_reason', nullable: true }) revokedReason!: string | null;
  @Column('text', { nullable: true }) successor!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'one_time_key' })
export class OneTimeKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'one_time_key_pkey' }) fingerprint!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'api_key' })
@Index('api_key_party', ['partyId'])
export class ApiKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'api_key_pkey' }) id!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text', { name: 'secret_digest' }) secretDigest!: string;
  @Column('text') label!: string;
  @Column('text', { array: true }) scopes!: string[];
  @Column('text', { name: 'expires_at', nullable: true }) expiresAt!: string | null;
  @Column('bigint', { name: 'revoked_index', nullable: true }) revokedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
