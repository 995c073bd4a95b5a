/**
 * Keeps the map of digests up with the published log, apart from the writer: at the set interval, or sooner when nobody
 * writes, the public statements since the last map are folded in, and the root of the new map goes on record.
 *
 * One process at a time folds, by an advisory lock. First one transaction puts the new version beside the one on record;
 * then its root is recorded. A crash between the two leaves a version that no statement names: the next turn records it
 * before it folds anything else. What a fold costs is bounded, so a long log is folded in several maps.
 */
import { Inject, Injectable } from '@nestjs/common';
import type { OnApplicationBootstrap, OnModuleDestroy } from '@nestjs/common';
import { toBase64 } from '../../core/bytes.ts';
import { formatDigest } from '../../core/digest.ts';
import { RegistryError } from '../../core/errors.ts';
import type { Naming } from '../../core/map/fold.ts';
import { foldMap } from '../../core/map/fold.ts';
import { mapRoot, namedBy, NAMING_KINDS } from '../../core/registry/index.ts';
import { readSpoken } from '../../core/registry/spoken.ts';
import { Config } from '../../platform/config/index.ts';
import { sha256 } from '../../platform/crypto.ts';
import { DataSource } from '../../platform/database/index.ts';
import type { Log } from '../../platform/logging/index.ts';
import { LOG } from '../../platform/logging/index.ts';
import { holding, LedgerCore } from '../ledger-core.ts';
import { Ledger } from '../ledger.service.ts';
import type { RecordedMap, StoredVersion } from './map.store.ts';
import * as store from './map.store.ts';

const MAP_LOCK = 0x6d617066;
/** Entries that one fold takes in, unless a single checkpoint covers more. */
const MAX_FOLDED = 4096;
/** Statements read at a time; at 256 KiB each they take at most 128 MiB. */
const PAGE = 512;
/**
 * Where nodes were lost, the maps on record are made anew, without recording them again: the last two, which are kept,
 * and the one before them, of which the first of these knows what it replaced.
 */
const REMADE = 3;
/** How often an interval is looked whether the log stands still. */
const LOOKS = 12;

@Injectable()
export class MapKeeper implements OnApplicationBootstrap, OnModuleDestroy {
  #timer: NodeJS.Timeout | undefined;
  #folding: Promise<void> | undefined;
  #stopped = false;
  #looks = 0;
  #seen = -1;
  /** Size of the log whose statements are all in the map. */
  #done = -1;

  constructor(
    private readonly core: LedgerCore,
    private readonly ledger: Ledger,
    private readonly database: DataSource,
    private readonly config: Config,
    @Inject(LOG) private readonly log: Log,
  ) {}

  /** A new log begins with the map of nothing, so that its first look-up can prove absence. */
  async onApplicationBootstrap(): Promise<void> {
    const { size } = await this.core.published.checkpoint();
    if (size <= PAGE && (await store.lastRecorded(this.database.manager, 1)).length === 0)
      await this.#try(() => this.fold());
    this.#timer = setInterval(() => void this.#try(() => this.#look()), this.config.mapIntervalMs / LOOKS);
    this.#timer.unref();
  }

  /** Before the ledger stops writing. */
  async onModuleDestroy(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#folding?.catch(() => undefined);
  }

  /** Brings the map up to the newest published checkpoint; callers of one moment share one turn. */
  fold(): Promise<void> {
    this.#folding ??= holding(this.database, MAP_LOCK, () => this.#foldAll()).finally(
      () => (this.#folding = undefined),
    );
    return this.#folding;
  }

  /** Folds when the interval is over, or when the log stands still. */
  async #look(): Promise<void> {
    const { size } = await this.core.published.checkpoint();
    const still = size === this.#seen;
    this.#seen = size;
    if (size === this.#done || (++this.#looks < LOOKS && !still)) return;
    this.#looks = 0;
    await this.fold();
    this.#done = size;
  }

  async #try(action: () => Promise<void>): Promise<void> {
    try {
      await action();
    } catch (err) {
      this.log.error({ err }, 'The map of digests could not be kept up; the next try follows.');
    }
  }

  async #foldAll(): Promise<void> {
    const { manager } = this.database;
    while (!this.#stopped) {
      const newest = (await store.readVersions(manager)).at(-1);
      const recorded = await store.lastRecorded(manager, REMADE);
      const last = recorded[0];
      if (newest !== undefined && newest.size === last?.size) requireRecorded(newest, last);
      if (newest !== undefined && newest.size > (last?.size ?? 0)) {
        await this.#record(newest);
        continue;
      }
      const lost = recorded.filter(({ size }) => size > (newest?.size ?? 0)).at(-1);
      const to = lost === undefined ? await this.#next(newest) : await this.#step(newest, lost.size);
      if (to === undefined) return;
      await this.#foldTo(newest, to);
    }
  }

  /** The size up to which the next map goes; none when no public statement has named anything since the last. */
  async #next(before: StoredVersion | undefined): Promise<number | undefined> {
    const published = await this.core.published.checkpoint();
    const from = before?.size ?? 0;
    const first = await store.firstNaming(this.database.manager, from, published.size, NAMING_KINDS);
    return first === undefined && before !== undefined ? undefined : this.#step(before, published.size);
  }

  /** The size of a checkpoint on the way to `target` that one fold reaches. */
  async #step(before: StoredVersion | undefined, target: number): Promise<number> {
    const { manager } = this.database;
    const first = await store.firstNaming(manager, before?.size ?? 0, target, NAMING_KINDS);
    if (first === undefined) return target;
    const to = await store.checkpointBetween(manager, first, first + MAX_FOLDED);
    return to === undefined ? target : Math.min(to, target);
  }

  async #foldTo(before: StoredVersion | undefined, size: number): Promise<void> {
    const { manager } = this.database;
    const namings: Naming[] = [];
    for (let from = before?.size ?? 0; from < size; from += PAGE) {
      const to = Math.min(from + PAGE, size);
      for (const { index, payload, spki } of await store.readNaming(manager, from, to, NAMING_KINDS)) {
        for (const digest of namedBy(readSpoken(sha256, payload, toBase64(spki)))) namings.push({ digest, index });
      }
    }
    const nodes = { read: (hashes: readonly Uint8Array[]) => store.readNodes(manager, hashes) };
    const { root, keys, created, replaced } = await foldMap(sha256, nodes, before ?? null, namings);
    const next = { size, root, keys, replaced: [...replaced] };
    await this.database.transaction((transaction) => store.keepVersion(transaction, before, next, created));
  }

  async #record({ size, root, keys }: StoredVersion): Promise<void> {
    const checkpoint = await store.checkpointOf(this.database.manager, size);
    if (checkpoint === undefined) {
      throw new RegistryError('ledger_inconsistent', `The published checkpoint of ${size} entries is missing.`);
    }
    await this.ledger.attest(mapRoot, {
      maker: this.ledger.registryParty,
      body: { size, logRoot: formatDigest(checkpoint.root), root: formatDigest(root), keys },
    });
  }
}

/** @throws RegistryError `ledger_inconsistent` when what is kept is not the map on record */
function requireRecorded({ size, root }: StoredVersion, recorded: RecordedMap): void {
  if (formatDigest(root) === recorded.root) return;
  throw new RegistryError('ledger_inconsistent', `The map of ${size} entries that is kept is not the one on record.`, {
    fix: 'Run "muniment fsck".',
  });
}
