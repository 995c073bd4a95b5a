/** What the routes of webhooks take and answer. */
import { z } from 'zod';
import { digest, id, instant } from '../core/statement/statement.ts';

const filters = {
  events: z.array(z.string().min(1).max(60)).min(1).max(50).describe('See GET /v1/webhook-events'),
  digests: z.array(digest).max(1000).describe('Only what speaks of one of these, or of one of `parties`'),
  parties: z.array(id('party')).max(100),
};

export const createWebhookSchema = z
  .strictObject({
    url: z.string().max(2000),
    events: filters.events,
    digests: filters.digests.default([]),
    parties: filters.parties.default([]),
  })
  .meta({ id: 'CreateWebhook' });
export type CreateWebhook = z.infer<typeof createWebhookSchema>;

export const webhookView = z
  .strictObject({
    id: id('webhook'),
    url: z.string(),
    ...filters,
    madeAt: instant,
    failingSince: instant.nullable().describe('Since when no delivery went well; it is tried all the same'),
    previousSecretUntil: instant.nullable().describe('Until when the secret before this one signs, too'),
  })
  .meta({ id: 'Webhook' });
export type WebhookView = z.infer<typeof webhookView>;

const secret = z.string().describe('`whsec_…`, told this once');
export const webhookCreated = z.strictObject({ ...webhookView.shape, secret }).meta({ id: 'WebhookCreated' });

export const rotateSecretSchema = z
  .strictObject({
    overlapSeconds: z.int().min(0).max(604_800).default(86_400).describe('How long the present secret signs, too'),
  })
  .meta({ id: 'RotateWebhookSecret' });

export const deliveryView = z
  .strictObject({
    id: id('delivery').describe('The header `webhook-id`, the same at every attempt'),
    event: z.string(),
    index: z.int().nonnegative().describe('Of the entry; for a checkpoint, the size of its tree'),
    state: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int().nonnegative(),
    status: z.int().nullable().describe('Of the last answer'),
    error: z.string().nullable(),
    madeAt: instant,
    attemptedAt: instant.nullable(),
    body: z.string().describe('What is sent, to the byte'),
  })
  .meta({ id: 'WebhookDelivery' });
export type DeliveryView = z.infer<typeof deliveryView>;

export const eventTypeView = z
  .strictObject({ type: z.string(), description: z.string(), needs: z.enum(['digests', 'parties']).nullable() })
  .meta({ id: 'WebhookEventType' });

export const webhookParams = z.strictObject({ id: id('webhook') });
export const deliveryParams = z.strictObject({ id: id('webhook'), deliveryId: id('delivery') });
export const deliveriesQuery = z.strictObject({
  before: id('delivery').optional().describe('Only those older than this one'),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
