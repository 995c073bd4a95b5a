/** Replacing the key of the checkpoints in good order: announce the next one, let both sign, retire the one before. */
import { Inject, Injectable } from '@nestjs/common';
import { z } from 'zod';
import { RegistryError } from '../core/errors.ts';
import { logKey, logKeyRetirement } from '../core/registry/index.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { receiptSchema } from '../core/statement/receipt.ts';
import { Config } from '../platform/config/index.ts';
import { makeEd25519 } from '../platform/crypto.ts';
import { DataSource } from '../platform/database/index.ts';
import type { Log } from '../platform/logging/index.ts';
import { LOG } from '../platform/logging/index.ts';
import { holding, LedgerCore } from './ledger-core.ts';
import { Ledger } from './ledger.service.ts';
import type { LogKeyRow } from './log-key.store.ts';
import { firstCheckpointFrom, readLogKeys } from './log-key.store.ts';

const KEYS_LOCK = 0x6c6f676b;

export const logKeyView = z
  .strictObject({
    verifierKey: z.string(),
    since: z.int().nonnegative().describe('Index of the entry that introduced it'),
    retired: z.int().nonnegative().nullable().describe('Index of the entry that retired it'),
    receipt: receiptSchema.describe('Of its introduction, under a checkpoint that the key before it signed'),
    retirement: receiptSchema.nullable().describe('Under a checkpoint that its successor signed'),
  })
  .meta({ id: 'LogKey' });
export type LogKeyView = z.infer<typeof logKeyView>;

@Injectable()
export class LogKeys {
  /** The first checkpoint that covers an entry, and that has the quorum, stays the first one. */
  readonly #receipts = new Map<number, Receipt>();

  constructor(
    private readonly core: LedgerCore,
    private readonly ledger: Ledger,
    private readonly database: DataSource,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  async list(): Promise<LogKeyView[]> {
    const views: LogKeyView[] = [];
    const keys = await readLogKeys(this.database.manager);
    for (const { verifierKey, recordedIndex: since, retiredIndex: retired } of keys) {
      const retirement = retired === null ? null : await this.#receipt(retired, keys);
      views.push({ verifierKey, since, retired, receipt: await this.#receipt(since, keys), retirement });
    }
    return views;
  }

  /**
   * Announces the next key; from then on checkpoints carry both signatures.
   * @throws RegistryError `state_conflict` while two are in use already
   */
  rotate(): Promise<Receipt> {
    return holding(this.database, KEYS_LOCK, async () => {
      const [present, next] = await this.#inUse();
      if (next !== undefined) {
        throw new RegistryError('state_conflict', 'The next key is announced already.', {
          fix: 'Retire the present one when the overlap is over.',
        });
      }
      // A crash after this leaves a sealed key that nothing names.
      const verifierKey = await this.core.keys.keep(makeEd25519());
      const { registryParty: maker } = this.ledger;
      const body = { verifierKey, replaces: present!.verifierKey };
      const receipt = await this.ledger.attest(logKey, { maker, body });
      await this.core.keys.load();
      this.log.info({ verifierKey }, 'The next key of the log is announced and signs from now on.');
      return receipt;
    });
  }

  /**
   * Ends the older of two keys.
   * @throws RegistryError `state_conflict` when there is none to go on with, or before the overlap is over
   */
  retire(reason: string): Promise<Receipt> {
    return holding(this.database, KEYS_LOCK, async () => {
      const [present, next] = await this.#inUse();
      if (present === undefined || next === undefined) {
        throw new RegistryError('state_conflict', 'The log has no other key to go on with.', {
          fix: 'Announce the next one first: "muniment log rotate-key".',
        });
      }
      const end = next.recordedAt.getTime() + this.config.logKeyOverlapSeconds * 1000;
      if (Date.now() < end) {
        throw new RegistryError('state_conflict', `Both keys sign until ${new Date(end).toISOString()}.`, {
          fix: 'Wait until then: by that time readers have seen the next key under the present one.',
        });
      }
      const { registryParty: maker } = this.ledger;
      const body = { verifierKey: present.verifierKey, successor: next.verifierKey, reason };
      const receipt = await this.ledger.attest(logKeyRetirement, { maker, body });
      await this.core.keys.load();
      return receipt;
    });
  }

  async #inUse() {
    return (await readLogKeys(this.database.manager)).filter(({ retiredIndex }) => retiredIndex === null);
  }

  /** Under the first checkpoint with the quorum that the same keys signed, since readers may want it; else the first. */
  async #receipt(index: number, keys: readonly LogKeyRow[]): Promise<Receipt> {
    const known = this.#receipts.get(index);
    if (known !== undefined) return known;
    const { published, witnessed } = this.core;
    await published.checkpoint(index + 1);
    const ends = keys.map(({ retiredIndex }) => retiredIndex ?? Infinity).filter((end) => end > index);
    const to = Math.min(Number.MAX_SAFE_INTEGER, ...ends);
    const enough = await witnessed.first({ from: index + 1, to });
    const checkpoint = enough ?? (await firstCheckpointFrom(this.database.manager, index + 1));
    if (checkpoint === undefined)
      throw new RegistryError('ledger_inconsistent', `No checkpoint covers entry ${index}.`);
    const receipt = await this.ledger.receiptUnder(index, checkpoint);
    if (enough !== undefined || witnessed.policy === undefined) this.#receipts.set(index, receipt);
    return receipt;
  }
}
