/** The table of fingerprints, for TypeORM's comparison with the migrations; rows are as core/registry/tables has them. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { FingerprintDocument } from '../core/fingerprint/document.ts';

@Entity({ schema: 'registry', name: 'fingerprint' })
@Index('fingerprint_width', { synchronize: false })
export class FingerprintEntity {
  @Column({ type: 'bit', length: '1024' }) simhash!: string;
  @PrimaryColumn('text', { name: 'registration_id', primaryKeyConstraintName: 'fingerprint_pkey' })
  registrationId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'fingerprint_pkey' }) scheme!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'fingerprint_pkey' }) maker!: string;
  @Column('text') shape!: string;
  @Column('text') retrieval!: string;
  @Column('jsonb') layers!: FingerprintDocument['layers'];
  @Column('jsonb') outputs!: FingerprintDocument['outputs'];
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
