/** Publishes a checkpoint at the set interval when the log grew, by whichever process; and stops the writer at the end. */
import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { Config } from '../platform/config/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { LedgerCore } from './ledger-core.ts';

@Injectable()
export class Publisher implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly core: LedgerCore,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.core.published.publish();
    this.#timer = setInterval(() => {
      this.core.keys
        .load()
        .then(() => this.core.published.publish())
        .catch((error: unknown) =>
          this.log.error({ err: error }, 'The checkpoint could not be published; the next try follows.'),
        );
    }, this.config.checkpointIntervalMs);
    this.#timer.unref();
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.core.close();
  }
}
