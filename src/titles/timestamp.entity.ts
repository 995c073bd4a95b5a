/** The table of outside timestamps over documents, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({ schema: 'registry', name: 'document_timestamp' })
@Index('document_timestamp_document', ['documentDigest', 'recordedIndex'])
export class DocumentTimestampEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'document_timestamp_pkey' }) id!: string;
  @Column('text', { name: 'document_digest' }) documentDigest!: string;
  @Column('text') time!: string;
  @Column('bigint', { name: 'first_after' }) firstAfter!: string;
  @Column('text') statement!: string;
  @Column('bigint', { name: 'recorded_index' }) recordedIndex!: string;
}
