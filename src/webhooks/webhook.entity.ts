/** The tables of webhooks, for TypeORM's comparison with the migrations. */
import { Check, Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity({
  schema: 'ops',
  name: 'webhook',
  comment:
    'Where parties want to be told what happens. If a row is lost, its party is told nothing more until it registers the ' +
    'address again; the log, which it is told about, stands without it.',
})
@Index('webhook_party', ['partyId', 'id'])
@Check('webhook_check', '(previous_secret IS NULL) = (previous_until IS NULL)')
export class WebhookEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'webhook_pkey' }) id!: string;
  @Column('text', { name: 'party_id' }) partyId!: string;
  @Column('text') url!: string;
  @Column('text', { array: true }) events!: string[];
  @Column('text', { array: true }) digests!: string[];
  @Column('text', { array: true }) parties!: string[];
  @Column('bigint', { name: 'since_index' }) sinceIndex!: string;
  @Column('bytea') secret!: Buffer;
  @Column('bytea', { name: 'previous_secret', nullable: true }) previousSecret!: Buffer | null;
  @Column('timestamptz', { name: 'previous_until', nullable: true }) previousUntil!: Date | null;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
  @Column('timestamptz', { name: 'failing_since', nullable: true }) failingSince!: Date | null;
}

@Entity({
  schema: 'ops',
  name: 'webhook_cursor',
  comment:
    'Up to which entry of the log events were made. If the row is lost, they are made again from the oldest webhook on, ' +
    'under the same ids, and those that are still listed are not sent again.',
})
@Check('webhook_cursor_id_check', 'id = 1')
export class WebhookCursorEntity {
  @PrimaryColumn('smallint', { default: 1, primaryKeyConstraintName: 'webhook_cursor_pkey' }) id!: number;
  @Column('bigint', { name: 'next_index' }) nextIndex!: string;
}

@Entity({
  schema: 'ops',
  name: 'webhook_delivery',
  comment:
    'What was sent to webhooks, pruned after the set number of days. If a row is lost, that event cannot be sent again by ' +
    'hand; it stands in the log, which its receiver can read.',
})
@Index('webhook_delivery_order', ['webhookId', 'logIndex', 'id'])
@Index('webhook_delivery_age', ['madeAt'])
@Index('webhook_delivery_waiting', ['jobId'], { where: "state = 'waiting'" })
@Check('webhook_delivery_state_check', "state IN ('waiting', 'delivered', 'failed')")
export class WebhookDeliveryEntity {
  @PrimaryColumn('text', { primaryKeyConstraintName: 'webhook_delivery_pkey' }) id!: string;
  @Column('text', { name: 'webhook_id' }) webhookId!: string;
  @Column('text') event!: string;
  @Column('bigint', { name: 'log_index' }) logIndex!: string;
  @Column('text') body!: string;
  @Column('text') state!: string;
  @Column('uuid', { name: 'job_id' }) jobId!: string;
  @Column('integer', { default: 0 }) attempts!: number;
  @Column('integer', { nullable: true }) status!: number | null;
  @Column('text', { nullable: true }) error!: string | null;
  @Column('timestamptz', { name: 'made_at', default: () => 'now()' }) madeAt!: Date;
  @Column('timestamptz', { name: 'attempted_at', nullable: true }) attemptedAt!: Date | null;
}
