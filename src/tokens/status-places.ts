/**
 * Gives each token its place in a status list. Places are leased in blocks, so that one is at hand without asking the
 * database; those that a process leased and never gave stay free for ever, which tells nobody how many tokens there are.
 */
import { randomInt } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { DataSource } from '../platform/database/index.ts';
import type { Place } from './status.store.ts';
import { beginList, leasePlaces, LIST_SIZE } from './status.store.ts';

const BLOCK = 512;

@Injectable()
export class StatusPlaces {
  readonly #free: Place[] = [];
  #leasing: Promise<void> | undefined;

  constructor(private readonly database: DataSource) {}

  async take(): Promise<Place> {
    for (;;) {
      const place = this.#free.pop();
      if (place !== undefined) return place;
      await (this.#leasing ??= this.#lease().finally(() => (this.#leasing = undefined)));
    }
  }

  async #lease(): Promise<void> {
    const { manager } = this.database;
    for (;;) {
      const leased = await leasePlaces(manager, BLOCK);
      if (leased === undefined) {
        await beginList(manager, shuffled(LIST_SIZE), BLOCK);
        continue;
      }
      const { list, indexes } = leased;
      for (let at = 0; at < indexes.length; at += 4) this.#free.push({ list, index: indexes.readUInt32BE(at) });
      return;
    }
  }
}

/** 0 to `count` - 1 in random order (Fisher and Yates, Knuth's algorithm P), four bytes each. */
function shuffled(count: number): Buffer {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = randomInt(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const bytes = Buffer.alloc(count * 4);
  for (const [i, index] of order.entries()) bytes.writeUInt32BE(index, i * 4);
  return bytes;
}
