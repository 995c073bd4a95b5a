/** The tables of the log's witnesses, for TypeORM's comparison with the migrations. */
import { Column, Entity, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'ledger', name: 'cosignature' })
export class CosignatureEntity {
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'cosignature_pkey' }) size!: string;
  @PrimaryColumn('text', { name: 'verifier_key', primaryKeyConstraintName: 'cosignature_pkey' }) verifierKey!: string;
  @Column('bigint', { name: 'cosigned_at' }) cosignedAt!: string;
  @Column('bytea') signature!: Buffer;
  @Column('timestamptz', { name: 'recorded_at', default: () => 'now()' }) recordedAt!: Date;
}

@Entity({
  schema: 'ops',
  name: 'witness',
  comment:
    'Which log witness is asked next, from which size on, and who does not answer. If a row is lost, the witness is asked at once and tells its size itself.',
})
export class WitnessEntity {
  @PrimaryColumn('text', { name: 'verifier_key', primaryKeyConstraintName: 'witness_pkey' }) verifierKey!: string;
  @Column('bigint', { name: 'known_size' }) knownSize!: string;
  @Column('timestamptz', { name: 'next_at' }) nextAt!: Date;
  @Column('integer') failures!: number;
  @Column('timestamptz', { name: 'failing_since', nullable: true }) failingSince!: Date | null;
  @Column('text', { nullable: true }) problem!: string | null;
}
