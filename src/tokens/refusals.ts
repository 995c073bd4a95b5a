/**
 * Refusals: who was refused a license token, or with one, and why. Whoever is refused must not be able to fill the
 * database with it: like refusals of one second are one row that counts them, and of those beyond what a second may take,
 * only endpoint and code are kept. Old ones are pruned.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { RegistryError } from '../core/errors.ts';
import { idPattern } from '../core/identifier.ts';
import type { LicenseTokenClaims } from '../core/licensing/token-claims.ts';
import type { Principal } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { TokenEnded } from './genuine-tokens.ts';
import type { Endpoint, RefusalQuery, RefusalView } from './refusal.schema.ts';
import type { Refused } from './refusal.store.ts';
import { insertRefusals, listRefusals, pruneRefusals } from './refusal.store.ts';

const FLUSH_MS = 1000;
const PRUNE_MS = 60_000;
/** Rows that a process writes in a second, besides one for each endpoint and code. */
const ROWS = 20;
/** Rows that are kept, however young the others are: a flood of months fills no disk. */
const KEPT = 1_000_000;

/** What is known of a request by the time it is refused. */
export interface About {
  client?: Principal | undefined;
  grant?: string | undefined;
  claims?: LicenseTokenClaims | undefined;
}

@Injectable()
export class Refusals implements OnApplicationBootstrap, OnModuleDestroy {
  #waiting = new Map<string, Refused>();
  #timers: NodeJS.Timeout[] = [];

  constructor(
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {}

  onApplicationBootstrap(): void {
    this.#timers = [
      setInterval(() => void this.#try(() => this.flush()), FLUSH_MS),
      setInterval(() => void this.#try(() => this.prune()), PRUNE_MS),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  async onModuleDestroy(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await this.#try(() => this.flush());
  }

  /** Runs what may be refused, and notes it when it is. @param work tells what it finds out about the request */
  async watch<T>(endpoint: Endpoint, work: (about: About) => Promise<T>): Promise<T> {
    const about: About = {};
    try {
      return await work(about);
    } catch (error) {
      if (error instanceof RegistryError && error.status < 500) this.note(endpoint, error, about);
      throw error;
    }
  }

  note(endpoint: Endpoint, error: RegistryError, about: About): void {
    const { code } = error;
    const claims = error instanceof TokenEnded ? error.claims : about.claims;
    const { client, grant = claims?.grant_id } = about;
    const refused = {
      endpoint,
      code,
      party: client?.partyId ?? claims?.sub ?? null,
      apiKey: client?.apiKeyId ?? null,
      // Whoever asks may have written anything.
      grant: grant !== undefined && idPattern('grant').test(grant) ? grant : null,
      jti: claims?.jti ?? null,
    };
    const key = JSON.stringify(refused);
    if (this.#waiting.has(key) || this.#waiting.size < ROWS) this.#count(key, refused);
    else this.#count(`${endpoint} ${code}`, { endpoint, code, party: null, apiKey: null, grant: null, jti: null });
  }

  /** A party sees those of its own and of the grants that it gave; registrar and auditors see all. */
  list({ partyId, roles }: Principal, query: RefusalQuery): Promise<RefusalView[]> {
    return listRefusals(this.database.manager, roles.length > 0 ? null : partyId, query);
  }

  async flush(): Promise<void> {
    if (this.#waiting.size === 0) return;
    const refused = [...this.#waiting.values()];
    this.#waiting = new Map();
    await insertRefusals(this.database.manager, refused);
  }

  prune(): Promise<void> {
    return pruneRefusals(this.database.manager, { days: this.config.tokenRefusalDays, most: KEPT });
  }

  #count(key: string, refused: Omit<Refused, 'times'>): void {
    const known = this.#waiting.get(key);
    if (known === undefined) this.#waiting.set(key, { ...refused, times: 1 });
    else known.times++;
  }

  async #try(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (err) {
      this.log.error({ err }, 'refusals of tokens could not be written down, or old ones not pruned');
    }
  }
}
