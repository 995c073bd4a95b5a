/**
 * Outside time for the log: at the set interval the newest published checkpoint is shown to a timestamp authority, and
 * what it says is kept for ever. Each entry is thereby proved to have existed before the time of the first such
 * checkpoint that covers it, whatever the clock of the registry says.
 *
 * The authority is never waited for by a write: while it is down the log goes on, and the health report says since when
 * time is unattested. One process asks at a time, by an advisory lock; what it stored tells the others that nothing is due.
 */
import { randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common';
import { toBase64 } from '../../core/bytes.ts';
import { RegistryError } from '../../core/errors.ts';
import { proveInclusionFrom, tilesForInclusion } from '../../core/merkle/proof.ts';
import type { ReceiptTime } from '../../core/statement/receipt.ts';
import type { Timestamp } from '../../core/time/index.ts';
import { stampedNote, verifyTimestamp } from '../../core/time/index.ts';
import { Config } from '../../platform/config/index.ts';
import { sha256, timestampCrypto } from '../../platform/crypto.ts';
import { DataSource } from '../../platform/database/index.ts';
import type { CheckResult } from '../../platform/health/index.ts';
import { HealthRegistry } from '../../platform/health/index.ts';
import type { Log } from '../../platform/logging/index.ts';
import { LOG } from '../../platform/logging/index.ts';
import { readTileRows } from '../log.store.ts';
import { askAuthority } from './authority.ts';
import * as store from './timestamp.store.ts';

/** Held while an authority is asked. */
const LOCK = 0x74696d65;

/** By then the first checkpoint is published. */
const FIRST_LOOK_MS = 500;
const FIRST_PAUSE_MS = 5000;
const LONGEST_PAUSE_MS = 10 * 60_000;
/** How long after the interval the others may be late before this process says so. */
const GRACE_MS = 60_000;
/** Verified timestamps that are kept in memory, about 8 KiB each. */
const MAX_KEPT = 1000;

export const TSA_ROOTS = Symbol('roots of timestamp authorities');

export interface Stamped extends store.StampedCheckpoint {
  readonly timestamp: Timestamp;
  /** What the authority attested: the note with the log's own signature alone */
  readonly text: string;
}

@Injectable()
export class Timestamping implements OnApplicationBootstrap, BeforeApplicationShutdown {
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #failures = 0;
  /** Why the last attempt of this process failed. */
  #failure: string | undefined;
  /** A stored timestamp that does not verify. */
  #damage: string | undefined;
  readonly #stopping = new AbortController();
  readonly #verified = new Map<number, Stamped>();
  readonly #asked = new Map<number, Promise<Uint8Array>>();

  constructor(
    private readonly database: DataSource,
    private readonly config: Config,
    private readonly health: HealthRegistry,
    @Inject(LOG) private readonly log: Log,
    @Inject(TSA_ROOTS) private readonly roots: readonly string[],
  ) {}

  onApplicationBootstrap(): void {
    if (this.config.tsaUrl === undefined) return;
    this.health.register('time', () => this.#state());
    this.#schedule(FIRST_LOOK_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#timer);
    await this.#running;
  }

  /**
   * Shows the newest checkpoint to the authority, if one is due and nobody else is asking.
   * @throws RegistryError `timestamp_unavailable`, `timestamp_invalid`
   */
  async attestNewest(): Promise<void> {
    await store.ifNobodyHolds(this.database.manager, LOCK, async (manager) => {
      const due = await store.dueCheckpoint(manager, this.config.tsaIntervalSeconds);
      if (due === undefined) return;
      const { reply, timestamp } = await this.#ask(stampedNote(due.note).bytes);
      await store.insertTimestamp(manager, 'checkpoint', due.size, reply);
      const { time, authority } = timestamp;
      this.log.info({ treeSize: due.size, time, authority }, 'The time of a checkpoint was attested.');
    });
  }

  /** The first attested checkpoint that covers the entry, and the proof that it does; undefined where there is none. */
  async timeOf(index: number): Promise<ReceiptTime | undefined> {
    const stamped = this.#verify(await store.firstStamped(this.database.manager, index));
    if (stamped === undefined) return undefined;
    const { size, text, reply } = stamped;
    const tiles = await readTileRows(this.database.manager, tilesForInclusion(index, size));
    return {
      treeSize: size,
      inclusionProof: proveInclusionFrom(sha256, index, size, tiles).map(toBase64),
      checkpoint: text,
      timestamp: toBase64(reply),
    };
  }

  /** @throws RegistryError `not_found` */
  async ofCheckpoint(size: number): Promise<Stamped> {
    const stamped = this.#verify(await store.stampedOfSize(this.database.manager, size));
    if (stamped !== undefined) return stamped;
    throw new RegistryError('not_found', `No timestamp is at hand for a checkpoint of ${size} entries.`, {
      field: 'size',
    });
  }

  /**
   * A timestamp over the signature of an entry, which bundles carry; made when it is first asked for, then kept.
   * @returns DER of the TimeStampResp
   * @throws RegistryError `timestamp_unavailable`, `timestamp_invalid`, `not_found`
   */
  async ofSignature(index: number): Promise<Uint8Array> {
    const found = await store.readSignature(this.database.manager, index);
    if (found === undefined) throw new RegistryError('not_found', `There is no entry ${index}.`);
    const { signature, reply } = found;
    if (reply === null) return this.#stampSignature(index, signature);
    verifyTimestamp(timestampCrypto, reply, { data: signature, roots: this.roots });
    return reply;
  }

  /** Callers of one moment share one request; of two that processes made at once, the one that was stored counts. */
  #stampSignature(index: number, signature: Uint8Array): Promise<Uint8Array> {
    const { manager } = this.database;
    let asked = this.#asked.get(index);
    if (asked === undefined) {
      asked = this.#ask(signature)
        .then(async ({ reply }) => {
          await store.insertTimestamp(manager, 'signature', index, reply);
          return (await store.readSignature(manager, index))?.reply ?? reply;
        })
        .finally(() => this.#asked.delete(index));
      this.#asked.set(index, asked);
    }
    return asked;
  }

  #ask(data: Uint8Array) {
    const { tsaUrl: url, tsaPolicy: policy } = this.config;
    if (url === undefined) {
      throw new RegistryError('timestamp_unavailable', 'This registry has no timestamp authority.', {
        fix: 'Ask the registrar to set MUNIMENT_TSA_URL.',
      });
    }
    const authority = { url, policy, roots: this.roots, now: () => new Date(), randomBytes };
    return askAuthority(authority, data, this.#stopping.signal);
  }

  #schedule(pauseMs: number): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer = setTimeout(() => {
      this.#running = this.#round().then((next) => this.#schedule(next));
    }, pauseMs);
    this.#timer.unref();
  }

  /** @returns milliseconds until the next one: looking whether something is due costs one query */
  async #round(): Promise<number> {
    const interval = this.config.tsaIntervalSeconds * 1000;
    try {
      await this.attestNewest();
      this.#failures = 0;
      this.#failure = undefined;
      return Math.min(interval, GRACE_MS);
    } catch (err) {
      if (this.#stopping.signal.aborted) return interval;
      this.#failure =
        err instanceof RegistryError ? err.message : 'The attempt failed for a reason that is in the log.';
      const pause = Math.min(interval, FIRST_PAUSE_MS * 2 ** this.#failures++, LONGEST_PAUSE_MS);
      this.log.warn({ err, nextTryInMs: pause }, 'The time of the log could not be attested; the next try follows.');
      return pause;
    }
  }

  /** Known again only after it was verified: whoever may write to the database may have put anything there. */
  #verify(found: store.StampedCheckpoint | undefined): Stamped | undefined {
    if (found === undefined) return undefined;
    const known = this.#verified.get(found.size);
    if (known !== undefined && Buffer.compare(known.reply, found.reply) === 0 && known.note === found.note)
      return known;
    try {
      const { text, bytes } = stampedNote(found.note);
      const timestamp = verifyTimestamp(timestampCrypto, found.reply, { data: bytes, roots: this.roots });
      const stamped = { ...found, text, timestamp };
      if (this.#verified.size >= MAX_KEPT) this.#verified.clear();
      this.#verified.set(found.size, stamped);
      return stamped;
    } catch (err) {
      if (!(err instanceof RegistryError)) throw err;
      this.#damage = `The stored timestamp of the checkpoint of ${found.size} entries is not believed: ${err.message}`;
      this.log.error({ err, treeSize: found.size }, 'A stored timestamp does not verify, and is not given out.');
      return undefined;
    }
  }

  async #state(): Promise<CheckResult> {
    const { manager } = this.database;
    const stored = await store.newestStamped(manager);
    const newest = this.#verify(stored);
    const since = await store.publishedAfter(manager, newest?.size ?? 0);
    const detail =
      newest === undefined
        ? 'No time is attested yet.'
        : `The first ${newest.size} entries existed before ${newest.timestamp.time.toISOString()}, says ${newest.timestamp.authority}.`;
    const late = since !== undefined && Date.now() - since.getTime() > this.config.tsaIntervalSeconds * 1000 + GRACE_MS;
    const unattested =
      since !== undefined && (late || this.#failure !== undefined)
        ? `Time is unattested since ${since.toISOString()}. ${this.#failure ?? 'No attempt has succeeded since.'}`
        : undefined;
    const warning = [unattested, this.#damage].filter((text) => text !== undefined).join(' ');
    return { ok: true, detail, ...(warning === '' ? {} : { warning }) };
  }
}
