/**
 * Compute accounts: what each party gave and took, by the records of runs, and how much it may start. A quota is held to
 * when a run is started, and once more when one that waited is to begin, or whoever starts a thousand runs before any of
 * them has spent anything would have no quota at all. A run that has begun is never stopped by it.
 */
import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../core/errors.ts';
import { quota } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import type { Idempotency } from '../ledger/index.ts';
import { Ledger } from '../ledger/index.ts';
import type { Principal } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { ComputeQuery, ComputeView, QuotaView, SetQuota } from './compute.schema.ts';
import { accountOf, lockStarts, partyExists, quotaOf } from './compute.store.ts';

@Injectable()
export class ComputeService {
  constructor(
    private readonly ledger: Ledger,
    private readonly config: Config,
    private readonly database: DataSource,
  ) {}

  /** @throws RegistryError `not_found` */
  async account(party: string, query: ComputeQuery): Promise<ComputeView> {
    await this.#requireParty(party);
    return { party, ...(await accountOf(this.database.manager, party, query)) };
  }

  /** @throws RegistryError `not_found`, also for a party that is none of the caller's business */
  async quota({ partyId, roles }: Principal, party: string): Promise<QuotaView> {
    if (partyId !== party && roles.length === 0) throw noParty(party);
    await this.#requireParty(party);
    return this.#quotaOf(this.database.manager, party, null);
  }

  /** @throws RegistryError `not_found` */
  async setQuota(party: string, { id, ...limits }: SetQuota, idempotency: Idempotency): Promise<Receipt> {
    await this.#requireParty(party);
    return this.ledger.attest(
      quota,
      { maker: this.ledger.registryParty, id, body: { party, ...limits } },
      { idempotency },
    );
  }

  /** From here to the end of the transaction nobody else starts a run for the party. */
  lockStarts(manager: EntityManager, party: string): Promise<void> {
    return lockStarts(manager, party);
  }

  /**
   * Whether the quota has room for one more run; asked behind `lockStarts`.
   * @throws RegistryError `quota_exceeded`
   */
  async requireRoom(manager: EntityManager, party: string, run: string): Promise<void> {
    const quota = await this.#quotaOf(manager, party, run);
    const { runsAtOnce, used } = quota;
    if (runsAtOnce !== null && used.runs >= runsAtOnce) {
      throw new RegistryError(
        'quota_exceeded',
        `Of the ${runsAtOnce} runs that you may have at once, ${used.runs} wait or train now; the next place is free when one ends.`,
        { field: 'runsAtOnce', fix: 'Wait for one to end, cancel one, or ask the registrar for a larger quota.' },
      );
    }
    requireSeconds(quota);
  }

  /**
   * Whether a run that waited may begin.
   * @throws RegistryError `quota_exceeded`
   */
  async requireSeconds(party: string): Promise<void> {
    requireSeconds(await this.#quotaOf(this.database.manager, party, null));
  }

  async #quotaOf(manager: EntityManager, party: string, besides: string | null): Promise<QuotaView> {
    const { quota, used, openRuns, renewsAt } = await quotaOf(manager, party, besides);
    const { quotaCoreSeconds, quotaDeviceSeconds, quotaRuns } = this.config;
    return {
      party,
      ...(quota === null
        ? {
            coreSeconds: quotaCoreSeconds ?? null,
            deviceSeconds: quotaDeviceSeconds ?? null,
            runsAtOnce: quotaRuns ?? null,
            setBy: 'default',
          }
        : {
            coreSeconds: quota.coreSeconds,
            deviceSeconds: quota.deviceSeconds,
            runsAtOnce: quota.runsAtOnce,
            setBy: 'registrar',
          }),
      used: { ...used, runs: openRuns },
      renewsAt: renewsAt.toISOString(),
      statement: (quota?.statement ?? null) as QuotaView['statement'],
      recordedIndex: quota?.recordedIndex ?? null,
    };
  }

  async #requireParty(party: string): Promise<void> {
    if (!(await partyExists(this.database.manager, party))) throw noParty(party);
  }
}

function requireSeconds({ used, renewsAt, ...limits }: QuotaView): void {
  for (const [field, unit] of [
    ['coreSeconds', 'core-seconds'],
    ['deviceSeconds', 'device-seconds'],
  ] as const) {
    const limit = limits[field];
    if (limit === null || used[field] < limit) continue;
    throw new RegistryError(
      'quota_exceeded',
      `Of this month's ${limit} ${unit} you have used ${used[field]}; the quota renews at ${renewsAt}.`,
      { field, fix: 'Wait until then, or ask the registrar for a larger quota.' },
    );
  }
}

const noParty = (id: string): RegistryError =>
  new RegistryError('not_found', `There is no party ${id}.`, { field: 'id' });
