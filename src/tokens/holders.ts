/**
 * Whose key stands behind a request: the proof of possession that came with it, believed once. That it was shown is
 * written to the database, so that it is shown to no other replica either.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../core/errors.ts';
import { Config } from '../platform/config/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { verifyProof } from './dpop/index.ts';
import { Gathered } from './gathered.ts';
import { Issuer } from './issuer.ts';
import type { ShownProof } from './token.store.ts';
import { forgetProofs, rememberProofs } from './token.store.ts';

const SWEEP_MS = 60_000;
/** Seconds by which a proof is remembered longer than it is good: another replica's clock may be behind. */
const CLOCKS_APART = 60;

@Injectable()
export class Holders implements OnApplicationBootstrap, OnModuleDestroy {
  readonly #shown: Gathered<ShownProof, boolean>;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly issuer: Issuer,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
    private readonly database: DataSource,
  ) {
    this.#shown = new Gathered((proofs) => rememberProofs(database.manager, proofs));
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.#sweep(), SWEEP_MS);
    this.#timer.unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.#timer);
  }

  /**
   * @param token the token that came with the request, if one did
   * @returns the thumbprint of the key; undefined where the request carries no proof
   * @throws RegistryError `dpop_proof_invalid`, `dpop_proof_replayed`
   */
  async of({ headers, method, url }: Pick<FastifyRequest, 'headers' | 'method' | 'url'>, token?: string) {
    const { dpop } = headers;
    if (dpop === undefined) return undefined;
    // Node joins headers of one name with a comma, which no proof has in it.
    const { holder, once, until } = await verifyProof(String(dpop), {
      method,
      url: this.issuer.url + url,
      now: Date.now(),
      window: this.config.dpopWindowSeconds,
      ...(token === undefined ? {} : { token }),
    });
    if (await this.#shown.ask({ once, until })) return holder;
    throw new RegistryError('dpop_proof_replayed', 'The proof of possession was shown before.', {
      field: 'jti',
      fix: 'Make a new proof for each request.',
    });
  }

  async #sweep(): Promise<void> {
    try {
      await forgetProofs(this.database.manager, Math.floor(Date.now() / 1000) - CLOCKS_APART);
    } catch (err) {
      this.log.error({ err }, 'old proofs of possession could not be swept away; tried again in a minute');
    }
  }
}
