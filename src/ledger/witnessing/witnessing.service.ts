/**
 * Asks the log's witnesses to cosign each newest published checkpoint, in the background: neither writes nor publication
 * wait for it. Each witness is asked by itself, so that a slow one holds up no other; of several processes one asks. A
 * witness that fails is asked again after pauses that double, and `/health/ready` says since when.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { RegistryError } from '../../core/errors.ts';
import type { WitnessPolicy } from '../../core/trust/index.ts';
import { Config } from '../../platform/config/index.ts';
import { DataSource } from '../../platform/database/index.ts';
import type { CheckResult } from '../../platform/health/index.ts';
import { HealthRegistry } from '../../platform/health/index.ts';
import type { Log } from '../../platform/logging/index.ts';
import { LOG } from '../../platform/logging/index.ts';
import { LedgerCore } from '../ledger-core.ts';
import { newestCheckpoint } from '../log.store.ts';
import { addCheckpoint } from './add-checkpoint.ts';
import { askWitness } from './ask-witness.ts';
import * as store from './witnessing.store.ts';

/** For all requests of one turn together. */
const TURN_TIMEOUT_MS = 15_000;
/** After this long without word from the asker another process may ask. */
const TURN_MS = 2 * TURN_TIMEOUT_MS;
const MAX_PAUSE_MS = 60_000;
/** Between looks at the newest checkpoint, which cost one short query: a cosignature should not wait for another interval. */
const LOOK_MS = 250;
/** A quorum that is missing for longer is told. */
const LATE_MS = 30_000;

type Witness = WitnessPolicy['witnesses'][number];

@Injectable()
export class Witnessing implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  readonly #asking = new Map<string, Promise<void>>();
  readonly #stopped = new AbortController();

  constructor(
    private readonly core: LedgerCore,
    private readonly database: DataSource,
    private readonly config: Config,
    private readonly health: HealthRegistry,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    const { policy } = this.core.witnessed;
    if (policy === undefined) return;
    await this.core.witnessed.refresh();
    this.health.register('witnesses', () => this.#report(policy));
    this.#timer = setInterval(
      () => {
        this.#looking ??= this.#look(policy)
          .catch((error: unknown) =>
            this.log.error({ err: error }, 'The witnesses could not be asked; the next try follows.'),
          )
          .finally(() => (this.#looking = undefined));
      },
      Math.min(this.config.checkpointIntervalMs, LOOK_MS),
    );
    this.#timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    await this.#looking;
    await Promise.all(this.#asking.values());
  }

  async #look({ witnesses }: WitnessPolicy): Promise<void> {
    const { witnessed } = this.core;
    const { manager } = this.database;
    const newest = await newestCheckpoint(manager);
    const lacking = (size: number) => witnesses.filter(({ verifierKey }) => !witnessed.has(size, verifierKey));
    if (newest === undefined || lacking(newest.size).length === 0) return;
    await witnessed.refresh();
    for (const witness of lacking(newest.size)) {
      const { verifierKey } = witness;
      if (this.#asking.has(verifierKey)) continue;
      const asked = this.#ask(witness)
        .catch((error: unknown) => this.log.error({ err: error }, 'What a witness answered could not be kept.'))
        .finally(() => this.#asking.delete(verifierKey));
      this.#asking.set(verifierKey, asked);
    }
  }

  async #ask({ verifierKey, url }: Witness): Promise<void> {
    const { manager } = this.database;
    const turn = await store.takeTurn(manager, verifierKey, TURN_MS);
    if (turn === undefined) return;
    // Another process may have asked since, and the log may have grown.
    const checkpoint = await newestCheckpoint(manager);
    await this.core.witnessed.refresh();
    if (checkpoint === undefined || this.core.witnessed.has(checkpoint.size, verifierKey)) {
      return store.giveTurnBack(manager, verifierKey);
    }
    const signal = AbortSignal.any([AbortSignal.timeout(TURN_TIMEOUT_MS), this.#stopped.signal]);
    try {
      const row = await askWitness({
        checkpoint,
        verifierKey,
        knownSize: turn.knownSize,
        prove: (first, second) => this.core.published.proveConsistency(first, second),
        post: (body) => addCheckpoint(url, body, signal),
        now: Date.now() / 1000,
      });
      await store.insertCosignature(manager, row);
      await store.endTurn(manager, verifierKey, { knownSize: row.size, problem: null, pauseMs: 0 });
      await this.core.witnessed.refresh();
      if (turn.failures > 0) this.log.info({ witness: verifierKey }, 'A witness cosigns again.');
    } catch (error) {
      if (this.#stopped.signal.aborted) return store.giveTurnBack(manager, verifierKey);
      if (!(error instanceof RegistryError)) throw error;
      await this.#failed(verifierKey, turn, error);
    }
  }

  async #failed(
    verifierKey: string,
    { knownSize, failures }: { knownSize: number; failures: number },
    error: RegistryError,
  ) {
    const pauseMs = Math.min(this.config.checkpointIntervalMs * 2 ** Math.min(failures, 20), MAX_PAUSE_MS);
    const details = { witness: verifierKey, err: error };
    if (error.code === 'ledger_inconsistent') this.log.error(details, 'A witness holds another log than this one.');
    else if (failures === 0) this.log.warn(details, 'A witness does not cosign.');
    await store.endTurn(this.database.manager, verifierKey, { knownSize, problem: error.message, pauseMs });
  }

  /** Degraded, never down: the log goes on without its witnesses, and everybody can see that it does. */
  async #report({ witnesses, quorum }: WitnessPolicy): Promise<CheckResult> {
    const { manager } = this.database;
    const states = await store.readStates(
      manager,
      witnesses.map(({ verifierKey }) => verifierKey),
    );
    const failing = states.filter(({ failingSince }) => failingSince !== null);
    const covered = this.core.witnessed.newest?.size ?? 0;
    const since = await store.publishedBeyond(manager, covered);
    const warnings = failing.map(({ verifierKey, failingSince, problem }) => {
      const operator = witnesses.find((witness) => witness.verifierKey === verifierKey)?.operator;
      const name = verifierKey.slice(0, verifierKey.indexOf('+'));
      return `The witness ${name} (${operator}) has not cosigned since ${failingSince!.toISOString()}. ${problem}`;
    });
    if (since !== undefined && (failing.length > 0 || Date.now() - since.getTime() > LATE_MS)) {
      warnings.push(
        `The quorum of ${quorum} operators is not met since ${since.toISOString()}: ${covered} entries are witnessed.`,
      );
    } else if (failing.length > 0) warnings.push(`The quorum of ${quorum} operators is met.`);
    return warnings.length === 0 ? { ok: true } : { ok: true, warning: warnings.join(' ') };
  }
}
