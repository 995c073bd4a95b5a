/**
 * Clients that register models while servers are killed. Each is determined: it repeats a registration under its
 * idempotency key until it is acknowledged. `settle` then holds the registry to every acknowledgment it ever gave.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { registration } from '../../../src/core/registry/index.ts';
import type { Checkpoint } from '../../../src/core/note/checkpoint.ts';
import type { Receipt } from '../../../src/core/statement/receipt.ts';
import { runFsck } from '../../../src/ledger/fsck/index.ts';
import { Secret } from '../../../src/platform/config/index.ts';
import type { Provenance } from '../../../src/provenance/provenance.schema.ts';
import { modelOf } from '../../support/bodies.ts';
import type { Party, Verifier } from '../../support/client.ts';
import { Client } from '../../support/client.ts';
import { describeServer, urlOf } from '../../support/postgres.ts';

/** One registration that a client is determined to make, however often it has to ask. */
export interface Write {
  readonly party: Party;
  readonly key: string;
  readonly fileDigest: string;
  readonly body: object;
  receipt?: Receipt;
}

export const postmaster = async (data: string): Promise<string[]> =>
  (await readFile(join(data, 'postgres/postmaster.pid'), 'utf8')).split('\n').map((line) => line.trim());

/** The whole ledger, every signature included, on the embedded database of a data folder. */
export async function fsck(data: string) {
  const [, , , port] = await postmaster(data);
  const appUrl = new Secret(urlOf(await describeServer(data, Number(port)), 'app', 'muniment'));
  const { findings, size } = await runFsck({ database: { appUrl }, anchorDir: join(data, 'anchor'), full: true });
  return { findings, size };
}

export class DeterminedClients {
  readonly writes: Write[] = [];
  /** Every checkpoint that some client was given. */
  readonly seen: Checkpoint[] = [];
  readonly stranger = new Client('');

  constructor(
    readonly parties: readonly Party[],
    readonly verifier: Verifier,
  ) {}

  /** All clients speak to this server from now on. */
  turnTo(url: string): void {
    for (const client of [this.stranger, ...this.parties]) client.url = url;
  }

  newWrite(): Write {
    const party = this.parties[randomInt(this.parties.length)]!;
    const model = modelOf(party.id);
    const body = party.key ? party.signedWrite(registration, model) : model;
    const write = { party, key: randomUUID(), fileDigest: model.weights.fileDigest, body };
    this.writes.push(write);
    return write;
  }

  /** @returns the status; 0 when there was no answer. Only an answer of 201 acknowledges. */
  async send(write: Write, url = write.party.url): Promise<number> {
    try {
      const client = new Client(url, write.party.apiKey);
      const { status, body } = await client.post('/v1/models', write.body, { 'idempotency-key': write.key });
      if (status === 201) write.receipt = body as Receipt;
      return status;
    } catch (error) {
      // fetch's word for a connection that was refused or broke; it comes from outside of Jest's realm.
      if ((error as Error).name === 'TypeError') return 0;
      throw error;
    }
  }

  /** Clients that register one model after the other until it is over, or their server stops answering. */
  async load(clients: number, over: () => boolean): Promise<number[]> {
    const statuses: number[] = [];
    await Promise.all(
      Array.from({ length: clients }, async () => {
        while (!over()) {
          const status = await this.send(this.newWrite());
          statuses.push(status);
          if (status === 0) return;
          if (status === 503) await sleep(100);
        }
      }),
    );
    return statuses;
  }

  /** Everything acknowledged is there, everything else is made now, and each exactly once, on one chain of checkpoints. */
  async settle(): Promise<void> {
    const { writes, stranger, verifier, seen } = this;
    for (const write of writes.filter(({ receipt }) => receipt === undefined)) {
      expect([write.key, await this.send(write)]).toEqual([write.key, 201]);
    }
    const newest = await verifier.checkpoint((await stranger.get('/checkpoint')).text);
    const rest = writes.values();
    const readers = Array.from({ length: 8 }, async () => {
      for (const { receipt, fileDigest, party } of rest) {
        const { index, statement, id, envelope } = receipt!;
        const kept = await stranger.read<Receipt>(`/v1/receipts/${statement}`);
        expect(kept).toMatchObject({ index, id, envelope });
        const { matches } = await stranger.read<Provenance>(`/v1/provenance/${fileDigest}`);
        expect(matches.map(({ model }) => [model.id, model.maker, model.recordedIndex])).toEqual([
          [id, party.id, index],
        ]);
      }
    });
    await Promise.all(readers);
    expect(new Set(writes.map(({ receipt }) => receipt!.index)).size).toBe(writes.length);

    const receipts = writes.slice(-40).map(({ receipt }) => receipt!);
    for (const receipt of receipts) {
      await verifier.receipt(receipt);
      seen.push(await verifier.checkpoint(receipt.checkpoint));
    }
    for (const checkpoint of seen) {
      const published = await verifier.checkpoint((await stranger.get('/checkpoint')).text);
      await verifier.consistent(stranger, checkpoint, published.size >= checkpoint.size ? published : newest);
    }
  }
}
