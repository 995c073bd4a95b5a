/** The tables of usage and seats, for TypeORM's comparison with the migrations. */
import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

const now = () => 'now()';

@Entity({
  schema: 'ops',
  name: 'usage_counter',
  comment:
    'What the reports and open blocks of a grant add up to, with those of its sub-licenses. Lost, it is made again from them.',
})
export class UsageCounterEntity {
  @PrimaryColumn('text', { name: 'grant_id', primaryKeyConstraintName: 'usage_counter_pkey' }) grantId!: string;
  @Column('bigint', { default: 0 }) calls!: string;
  @Column('bigint', { default: 0 }) leased!: string;
}

@Entity({
  schema: 'ops',
  name: 'usage_block',
  comment:
    'Calls that gates hold in advance. Lost, a gate asks for another block; what it spent of the old one is refused.',
})
@Index('usage_block_grant', ['grantId'], { where: 'settled_at IS NULL' })
export class UsageBlockEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'usage_block_pkey' }) id!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('bigint') calls!: string;
  @Column('bigint', { default: 0 }) spent!: string;
  @Column('timestamptz', { name: 'leased_at', default: now }) leasedAt!: Date;
  @Column('timestamptz', { name: 'settled_at', nullable: true }) settledAt!: Date | null;
  @Column('bigint') wanted!: string;
}

@Entity({
  schema: 'ops',
  name: 'usage_report',
  comment:
    'Who reported which uses of a grant. It confers nothing: it is the account of those who reported, not a proof.',
})
@Index('usage_report_grant', ['grantId', 'reportedAt'])
export class UsageReportEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'usage_report_pkey' }) id!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text', { name: 'api_key_id' }) apiKeyId!: string;
  @Column('text', { name: 'block_id', nullable: true }) blockId!: string | null;
  @Column('bigint') calls!: string;
  @Column('jsonb') uses!: object;
  @Column('timestamptz', { name: 'used_from' }) usedFrom!: Date;
  @Column('timestamptz', { name: 'used_to' }) usedTo!: Date;
  @Column('text') digest!: string;
  @Column('timestamptz', { name: 'reported_at', default: now }) reportedAt!: Date;
}

@Entity({
  schema: 'ops',
  name: 'usage_action',
  comment:
    'What the reports of a grant add up to by action. Lost together with the counter of the grant, it is made again from them.',
})
export class UsageActionEntity {
  @PrimaryColumn('text', { name: 'grant_id', primaryKeyConstraintName: 'usage_action_pkey' }) grantId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'usage_action_pkey' }) action!: string;
  @Column('bigint') calls!: string;
}

@Entity({
  schema: 'ops',
  name: 'usage_day',
  comment:
    'What the reports of a grant add up to by day, UTC. Lost together with the counter of the grant, it is made again from them.',
})
export class UsageDayEntity {
  @PrimaryColumn('text', { name: 'grant_id', primaryKeyConstraintName: 'usage_day_pkey' }) grantId!: string;
  @PrimaryColumn('date', { primaryKeyConstraintName: 'usage_day_pkey' }) day!: string;
  @Column('bigint') calls!: string;
}

@Entity({
  schema: 'ops',
  name: 'seat',
  comment: 'Which keys hold a seat under a grant now. Lost, their next heartbeat takes it again.',
})
@Index('seat_until', ['grantId', 'until'])
export class SeatEntity {
  @PrimaryColumn('text', { name: 'grant_id', primaryKeyConstraintName: 'seat_pkey' }) grantId!: string;
  @PrimaryColumn('text', { primaryKeyConstraintName: 'seat_pkey' }) holder!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('timestamptz', { name: 'taken_at' }) takenAt!: Date;
  @Column('timestamptz') until!: Date;
  @Column('boolean') borrowed!: boolean;
}

@Entity({
  schema: 'ops',
  name: 'seat_event',
  comment:
    "When seats were taken, borrowed and given up. It confers nothing: it is the operator's account, not a proof.",
})
@Index('seat_event_grant', ['grantId', 'id'])
export class SeatEventEntity {
  @PrimaryColumn('bigint', {
    primaryKeyConstraintName: 'seat_event_pkey',
    generated: 'identity',
    generatedIdentity: 'ALWAYS',
  })
  id!: string;
  @Column('text', { name: 'grant_id' }) grantId!: string;
  @Column('text') holder!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text') event!: string;
  @Column('timestamptz', { nullable: true }) until!: Date | null;
  @Column('timestamptz', { default: now }) at!: Date;
}
