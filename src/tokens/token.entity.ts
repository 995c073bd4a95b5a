/** The tokens' tables, for TypeORM's comparison with the migrations; rows travel as core/registry/tables has them. */
import { Check, Column, Entity, Index, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'token_key' })
export class TokenKeyEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_key_pkey' }) kid!: string;
  @Column('text') spki!: string;
  @Column('text', { name: 'not_before' }) notBefore!: string;
  @Column('bigint', { name: 'retired_index', nullable: true }) retiredIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'token_revocation' })
@Index('token_revocation_recorded', ['recordedIndex'])
export class TokenRevocationEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_revocation_pkey' }) jti!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'token_batch' })
export class TokenBatchEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_batch_pkey' }) id!: string;
  @Column('integer') size!: number;
  @Column('text') root!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

/** One row for each issued token; the one table here that no statement makes (see core/licensing/issuance-record). */
@Entity({ schema: 'registry', name: 'token_issuance' })
@Index('token_issuance_open', ['issuedAt', 'jti'], { where: 'batch_id IS NULL' })
@Index('token_issuance_grant', ['grantId'])
@Index('token_issuance_list', { synchronize: false })
@Index('token_issuance_place', ['batchId', 'position'], { unique: true, where: 'batch_id IS NOT NULL' })
@Check('token_issuance_check', '(batch_id IS NULL) = ("position" IS NULL)')
export class TokenIssuanceEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'token_issuance_pkey' }) jti!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text') licensee!: string;
  @Column('text') kid!: string;
  @Column('text', { name: 'claims_digest' }) claimsDigest!: string;
  @Column('bigint', { name: 'issued_at' }) issuedAt!: string;
  @Column('bigint', { name: 'expires_at' }) expiresAt!: string;
  @Column('text') salt!: string;
  @Column('integer', { name: 'status_list' }) statusList!: number;
  @Column('integer', { name: 'status_index' }) statusIndex!: number;
  @Column('text', { name: 'batch_id', nullable: true }) batchId!: string | null;
  @Column('integer', { nullable: true }) position!: number | null;
}

/** The order in which a status list hands its places out, and how many it has handed out. */
@Entity({
  schema: 'ops',
  name: 'status_list',
  comment: 'Places not handed out yet; where it is lost, another list begins behind all that tokens stand in',
})
export class StatusListEntity {
  @PrimaryColumn('integer', { primaryKeyConstraintName: 'status_list_pkey' }) number!: number;
  @Column('bytea') permutation!: Buffer;
  @Column('integer') used!: number;
}

@Entity({
  schema: 'ops',
  name: 'dpop_proof',
  comment: 'Proofs of possession that were shown; where a row is lost, one could be shown again for a minute',
})
@Index('dpop_proof_until', ['until'])
export class DpopProofEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'dpop_proof_pkey' }) once!: string;
  @Column('bigint') until!: string;
}

@Entity({
  schema: 'ops',
  name: 'token_refusal',
  comment:
    'Who was refused a license token, or with one, and why. It proves nothing and is pruned: what counts in a case are the accesses and issuances that the log commits to.',
})
@Index('token_refusal_at', ['refusedAt'])
@Index('token_refusal_party', ['partyId', 'id'])
@Index('token_refusal_grant', ['grantId', 'id'])
export class TokenRefusalEntity {
  @PrimaryGeneratedColumn('identity', {
    type: 'bigint',
    generatedIdentity: 'ALWAYS',
    primaryKeyConstraintName: 'token_refusal_pkey',
  })
  id!: string;
  @Column('timestamptz', { name: 'refused_at', default: () => 'now()' }) refusedAt!: Date;
  @Column('text') endpoint!: string;
  @Column('text') code!: string;
  @Column('text', { name: 'party_id', nullable: true }) partyId!: string | null;
  @Column('text', { name: 'api_key_id', nullable: true }) apiKeyId!: string | null;
  @Column('text', { name: 'grant_id', nullable: true }) grantId!: string | null;
  @Column('text', { nullable: true }) jti!: string | null;
  @Column('integer') times!: number;
}
