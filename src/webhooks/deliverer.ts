/**
 * Takes deliveries from the job queue and sends them. A failure puts the job back with a pause that doubles each time and
 * is up to twice as long by chance, so that receivers which were down are not all asked at once; after the last try the
 * delivery is marked as failed, its webhook shows since when it fails, and both stay as they are: nothing is switched off.
 */
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../core/errors.ts';
import { Config } from '../platform/config/index.ts';
import type { Job } from '../platform/jobs/index.ts';
import { Jobs } from '../platform/jobs/index.ts';
import { MasterKey } from '../platform/keys/index.ts';
import { send } from './send.ts';
import { signedHeaders } from './signature.ts';
import type { DeliveryRow, WebhookRow } from './webhook.store.ts';
import { findDelivery, findWebhook, noteAttempt } from './webhook.store.ts';

const QUEUE = 'webhook-delivery';
/** Deliveries that one process sends at a time: one slow receiver must not hold up the others. */
const TAKERS = 4;

export const secretContext = (webhookId: string): string => `webhook secret v1: ${webhookId}`;

@Injectable()
export class Deliverer {
  #started: Promise<unknown> | undefined;

  constructor(
    private readonly database: DataSource,
    private readonly jobs: Jobs,
    private readonly masterKey: MasterKey,
    private readonly config: Config,
  ) {}

  /** From the first webhook on; a registry without any keeps no connections for them. */
  async start(): Promise<void> {
    this.#started ??= Promise.all(
      Array.from({ length: TAKERS }, () =>
        this.jobs.work<{ delivery: string }>(QUEUE, (job, signal) => this.#deliver(job, signal)),
      ),
    ).catch((error: unknown) => {
      this.#started = undefined;
      throw error;
    });
    await this.#started;
  }

  /** The job exists when and only when the transaction commits. */
  async enqueue(transaction: EntityManager, delivery: string, jobId: string): Promise<void> {
    const { webhookAttempts, webhookRetrySeconds } = this.config;
    await this.jobs.send(
      QUEUE,
      { delivery },
      { transaction, id: jobId, retry: { limit: webhookAttempts - 1, delaySeconds: webhookRetrySeconds } },
    );
  }

  async #deliver({ data, retries }: Job<{ delivery: string }>, signal: AbortSignal): Promise<void> {
    const { manager } = this.database;
    const delivery = await findDelivery(manager, data.delivery);
    const webhook = delivery && (await findWebhook(manager, delivery.webhookId));
    // Removed meanwhile, or sent by a job whose end was not noted.
    if (delivery === undefined || webhook === undefined || delivery.state !== 'waiting') return;
    const { status, error } = await this.#attempt(webhook, delivery, signal);
    if (error === null) return noteAttempt(manager, delivery, { state: 'delivered', status, error });
    const last = retries + 1 >= this.config.webhookAttempts;
    await noteAttempt(manager, delivery, { state: last ? 'failed' : 'waiting', status, error });
    throw new RegistryError('unreachable', `The delivery ${delivery.id} failed: ${error}`);
  }

  async #attempt({ id, url, ...secrets }: WebhookRow, { id: deliveryId, body }: DeliveryRow, signal: AbortSignal) {
    const headers = signedHeaders(deliveryId, new Date(), body, this.#secrets(id, secrets));
    try {
      const status = await send({ url, headers, body }, this.config.webhookTargets, signal);
      return { status, error: status >= 200 && status < 300 ? null : `The receiver answered ${status}.` };
    } catch (error) {
      if (signal.aborted || !(error instanceof RegistryError)) throw error;
      return { status: null, error: error.message };
    }
  }

  #secrets(
    id: string,
    { secret, previousSecret, previousUntil }: Pick<WebhookRow, 'previousSecret' | 'previousUntil' | 'secret'>,
  ): string[] {
    const sealed = [secret];
    if (previousSecret !== null && previousUntil !== null && previousUntil > new Date()) sealed.push(previousSecret);
    return sealed.map((each) => this.masterKey.open(each, secretContext(id)).toString('utf8'));
  }
}
