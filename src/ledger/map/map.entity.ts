/** The map's tables, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'ledger', name: 'map_node' })
export class MapNodeEntity {
  @PrimaryColumn('bytea', { primaryKeyConstraintName: 'map_node_pkey' }) hash!: Buffer;
  @Column('bytea') content!: Buffer;
}

@Entity({ schema: 'ledger', name: 'map_version' })
export class MapVersionEntity {
  @PrimaryColumn('bigint', { primaryKeyConstraintName: 'map_version_pkey' }) size!: string;
  @Column('bytea') root!: Buffer;
  @Column('bigint') keys!: string;
  @Column('bytea') replaced!: Buffer;
}

@Entity({ schema: 'registry', name: 'map_root' })
@Index('map_root_recorded', ['recordedIndex'])
export class MapRootEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'map_root_pkey' }) root!: string;
  @Column('bigint') size!: string;
  @Column('text', { name: 'log_root' }) logRoot!: string;
  @Column('bigint') keys!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}

@Entity({ schema: 'registry', name: 'map_audit' })
@Index('map_audit_recorded', ['recordedIndex'])
export class MapAuditEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'map_audit_pkey' }) id!: string;
  @Column('text') auditor!: string;
  @Column('bigint') size!: string;
  @Column('text') root!: string;
  @Column('text') found!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
