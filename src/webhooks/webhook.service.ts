/** The addresses of a party, their secrets, and what was sent to them. Those of others do not exist for a party. */
import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import { RegistryError } from '../core/errors.ts';
import { LogReader } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { newId } from '../platform/crypto.ts';
import { MasterKey } from '../platform/keys/index.ts';
import { Deliverer, secretContext } from './deliverer.ts';
import { EventTypes } from './event-types.ts';
import { newSecret } from './signature.ts';
import { parseTarget, requireReachable } from './target.ts';
import type { CreateWebhook, DeliveryView, WebhookView } from './webhook.schema.ts';
import type { DeliveryRow, WebhookRow } from './webhook.store.ts';
import * as store from './webhook.store.ts';

const MOST_WEBHOOKS = 20;

@Injectable()
export class WebhookService {
  constructor(
    private readonly database: DataSource,
    private readonly reader: LogReader,
    private readonly types: EventTypes,
    private readonly deliverer: Deliverer,
    private readonly masterKey: MasterKey,
    private readonly config: Config,
  ) {}

  eventTypes() {
    return this.types.list().map(({ type, description, needs = null }) => ({ type, description, needs }));
  }

  /**
   * Told from the next published entry on.
   * @throws RegistryError `invalid_input` for an address or an event that is not allowed, `state_conflict`
   */
  async create({ partyId }: Principal, body: CreateWebhook): Promise<WebhookView & { secret: string }> {
    this.types.check(body.events, body);
    const url = parseTarget(body.url, this.config.webhookTargets);
    await requireReachable(url, this.config.webhookTargets);
    const id = newId('webhook');
    const secret = newSecret();
    const { size: sinceIndex } = await this.reader.checkpoint();
    const events = [...new Set(body.events)];
    const row = { ...body, id, partyId, events, url: url.href, sinceIndex, secret: this.#seal(id, secret) };
    if (!(await store.insertWebhook(this.database.manager, row, MOST_WEBHOOKS))) {
      throw new RegistryError('state_conflict', `A party has ${MOST_WEBHOOKS} webhooks at most.`, {
        fix: 'Remove one that is not needed any more.',
      });
    }
    return { ...(await this.get({ partyId }, id)), secret };
  }

  async list({ partyId }: Pick<Principal, 'partyId'>): Promise<WebhookView[]> {
    return (await store.readWebhooks(this.database.manager, partyId)).map(view);
  }

  /** @throws RegistryError `not_found` */
  async get(principal: Pick<Principal, 'partyId'>, id: string): Promise<WebhookView> {
    return view(await this.#own(principal, id));
  }

  /** @throws RegistryError `not_found` */
  async remove(principal: Principal, id: string): Promise<void> {
    await this.#own(principal, id);
    await this.database.transaction((manager) => store.deleteWebhook(manager, id));
  }

  /** A new secret; the present one signs, too, until the overlap is over. @throws RegistryError `not_found` */
  async rotate(principal: Principal, id: string, overlapSeconds: number): Promise<WebhookView & { secret: string }> {
    await this.#own(principal, id);
    const secret = newSecret();
    const until = new Date(Date.now() + overlapSeconds * 1000);
    await store.replaceSecret(this.database.manager, id, this.#seal(id, secret), until);
    return { ...(await this.get(principal, id)), secret };
  }

  /** Newest first. @throws RegistryError `not_found` */
  async deliveries(
    principal: Principal,
    id: string,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<DeliveryView[]> {
    await this.#own(principal, id);
    return (await store.readDeliveries(this.database.manager, id, before, limit)).map(deliveryViewOf);
  }

  /** Sends the very event again, under its own id. @throws RegistryError `not_found` */
  async replay(principal: Principal, id: string, deliveryId: string): Promise<DeliveryView> {
    await this.#own(principal, id);
    return this.database.transaction(async (manager) => {
      const found = await store.findDelivery(manager, deliveryId);
      if (found?.webhookId !== id) {
        throw new RegistryError('not_found', `There is no delivery ${deliveryId}.`, { field: 'deliveryId' });
      }
      const jobId = randomUUID();
      await store.sendAgain(manager, deliveryId, jobId);
      await this.deliverer.enqueue(manager, deliveryId, jobId);
      return deliveryViewOf((await store.findDelivery(manager, deliveryId))!);
    });
  }

  async #own({ partyId }: Pick<Principal, 'partyId'>, id: string): Promise<WebhookRow> {
    const row = await store.findWebhook(this.database.manager, id);
    if (row?.partyId === partyId) return row;
    throw new RegistryError('not_found', `There is no webhook ${id}.`, { field: 'id' });
  }

  #seal(id: string, secret: string): Buffer {
    return this.masterKey.seal(Buffer.from(secret), secretContext(id));
  }
}

const view = ({ id, url, events, digests, parties, madeAt, failingSince, previousUntil }: WebhookRow): WebhookView => ({
  id,
  url,
  events,
  digests: digests as WebhookView['digests'],
  parties,
  madeAt: madeAt.toISOString(),
  failingSince: failingSince?.toISOString() ?? null,
  previousSecretUntil: previousUntil !== null && previousUntil > new Date() ? previousUntil.toISOString() : null,
});

const deliveryViewOf = ({ logIndex, madeAt, attemptedAt, id, event, ...row }: DeliveryRow): DeliveryView => ({
  id,
  event,
  index: logIndex,
  state: row.state,
  attempts: row.attempts,
  status: row.status,
  error: row.error,
  madeAt: madeAt.toISOString(),
  attemptedAt: attemptedAt?.toISOString() ?? null,
  body: row.body,
});
