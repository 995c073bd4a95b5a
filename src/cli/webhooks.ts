/** Webhooks as the command line handles them; parties may be given by name. */
import type { Context } from './context.ts';
import { findParty } from './find.ts';
import type { Digest } from '../core/digest.ts';

export interface WebhookView {
  id: string;
  url: string;
  events: string[];
  digests: Digest[];
  parties: string[];
  failingSince: string | null;
  previousSecretUntil: string | null;
}

export interface DeliveryView {
  id: string;
  event: string;
  index: number;
  state: string;
  attempts: number;
  status: number | null;
  error: string | null;
}

type WithSecret = WebhookView & { secret: string };

export async function addWebhook(
  context: Context,
  url: string,
  { event, digest = [], party = [] }: { event: string[]; digest?: Digest[]; party?: string[] },
): Promise<WithSecret> {
  const client = await context.client();
  const parties: string[] = [];
  for (const text of party) parties.push((await findParty(client, text)).id);
  return client.post<WithSecret>('/v1/webhooks', { url, events: event, digests: digest, parties });
}

export const rotateSecret = async (context: Context, id: string, overlapSeconds?: number): Promise<WithSecret> =>
  (await context.client()).post<WithSecret>(
    `/v1/webhooks/${encodeURIComponent(id)}/secret`,
    overlapSeconds === undefined ? {} : { overlapSeconds },
  );

export const listWebhooks = async (context: Context): Promise<WebhookView[]> =>
  (await context.client()).get<WebhookView[]>('/v1/webhooks');

export const listDeliveries = async (context: Context, id: string): Promise<DeliveryView[]> =>
  (await context.client()).get<DeliveryView[]>(`/v1/webhooks/${encodeURIComponent(id)}/deliveries`);

export const replayDelivery = async (context: Context, id: string, delivery: string): Promise<DeliveryView> =>
  (await context.client()).post<DeliveryView>(
    `/v1/webhooks/${encodeURIComponent(id)}/deliveries/${encodeURIComponent(delivery)}/replay`,
    {},
  );

export const removeWebhook = async (context: Context, id: string): Promise<void> =>
  (await context.client()).remove(`/v1/webhooks/${encodeURIComponent(id)}`);
