/** The tables of sealed registration, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'sealed' })
@Index('sealed_id', ['id'])
export class SealedEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'sealed_pkey' }) maker!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'sealed_pkey' }) id!: string;
  @Column('text') subject!: string;
  @Column('text') commitment!: string;
  @Column('bigint', { name: 'opened_index', nullable: true }) openedIndex!: string | null;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'possession' })
@Index('possession_sealed', ['maker', 'sealedId'])
export class PossessionEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'possession_pkey' }) digest!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'possession_pkey' }) maker!: string;
  @PrimaryColumn('text', { name: 'sealed_id', primaryKeyConstraintName: 'possession_pkey' }) sealedId!: string;
  @Column('text') subject!: string;
  @Column('bigint', { name: 'sealed_index' }) sealedIndex!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'sealed_field' })
export class SealedFieldEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'sealed_field_pkey' }) maker!: string;
  @PrimaryColumn('text', { name: 'sealed_id', primaryKeyConstraintName: 'sealed_field_pkey' }) sealedId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'sealed_field_pkey' }) field!: string;
  @Column('text') value!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
