/**
 * Seats: how many holders may use a model at one time under a grant. A seat is held by a key, whose possession is proven
 * with each request; it is taken for minutes, and a heartbeat goes on with it; borrowed, it is held without a network. What
 * is held under a sub-license counts for every grant above it.
 */
import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { RegistryError } from '../core/errors.ts';
import type { Principal } from '../platform/auth/index.ts';
import { Config } from '../platform/config/index.ts';
import type { EntityManager } from '../platform/database/index.ts';
import { DataSource } from '../platform/database/index.ts';
import { Holders } from '../tokens/index.ts';
import { countable, CountableGrants } from './countable-grants.ts';
import { deleteSeat, findSeat, listSeats, noteSeat, putSeat, sweepSeats, takenSeats } from './seat.store.ts';
import type { SeatView, TakeSeat } from './usage.schema.ts';
import type { Counted } from './usage.store.ts';
import { lockCounters, readCounters } from './usage.store.ts';

@Injectable()
export class SeatService {
  constructor(
    private readonly grants: CountableGrants,
    private readonly holders: Holders,
    private readonly config: Config,
    private readonly database: DataSource,
  ) {}

  /**
   * Takes a seat for the key that the request proves, or goes on with the one that it holds.
   * @throws RegistryError `dpop_proof_missing`, `dpop_proof_invalid`, `not_found`, `state_conflict`, `seats_exhausted`,
   * `invalid_input`; what is wrong with the token
   */
  async take(
    principal: Principal,
    id: string,
    { token, borrowSeconds }: TakeSeat,
    request: FastifyRequest,
  ): Promise<SeatView> {
    const { seatLeaseSeconds, seatBorrowMaxSeconds: longest } = this.config;
    if (borrowSeconds !== null && borrowSeconds > longest) {
      throw new RegistryError('invalid_input', `A seat is borrowed for ${longest} s at most.`, {
        field: 'borrowSeconds',
      });
    }
    const grant = await this.grants.inForce(principal, id, token);
    const holder = await this.#holder(request);
    await this.grants.requireSeatFor(holder, id, token);
    // Where none is free, nobody waits for the counters to be told so.
    const { manager: now } = this.database;
    if ((await findSeat(now, id, holder)) === undefined) await requireFree(now, await readCounters(now, grant.chain));
    return this.database.transaction(async (manager) => {
      const counters = await lockCounters(manager, grant.chain);
      const held = await findSeat(manager, id, holder);
      if (held === undefined) {
        await requireFree(manager, counters);
        await sweepSeats(manager, id);
      }
      const seat = await putSeat(manager, {
        ...{ grant: id, holder, party: principal.partyId },
        seconds: borrowSeconds ?? seatLeaseSeconds,
        borrowed: borrowSeconds !== null,
      });
      const event = borrowSeconds !== null ? 'borrowed' : 'taken';
      // A heartbeat is no event: it changes nothing that anybody has to know later.
      if (held === undefined || borrowSeconds !== null) {
        await noteSeat(manager, { grant: id, holder, party: principal.partyId, event, until: seat.until });
      }
      return seat;
    });
  }

  /**
   * Gives a seat up: by the key itself, or by a side of the grant. Whoever borrowed one may be using it out of reach, so
   * that nobody gets it back by its own word before its time is over but who gave the grant that all others are a part of.
   * @throws RegistryError `not_found`, `state_conflict`
   */
  async release(principal: Principal, id: string, holder: string, request: FastifyRequest): Promise<void> {
    const proven = request.headers['dpop'] === undefined ? undefined : await this.#holder(request);
    const evenBorrowed = proven === holder || (await this.#hasGiven(principal, id));
    await this.database.transaction(async (manager) => {
      if (!(await deleteSeat(manager, { grant: id, holder, evenBorrowed }))) {
        const seat = await findSeat(manager, id, holder);
        if (seat !== undefined) throw stillBorrowed(seat);
        throw new RegistryError('not_found', `No seat is held by ${holder}.`, { field: 'holder' });
      }
      await noteSeat(manager, { grant: id, holder, party: principal.partyId, event: 'released', until: null });
    });
  }

  /** @throws RegistryError `not_found` */
  async list(principal: Principal, id: string): Promise<SeatView[]> {
    await this.grants.find(principal, id);
    return listSeats(this.database.manager, id);
  }

  /** @throws RegistryError `not_found` for whoever is no side of the grant */
  async #hasGiven(principal: Principal, id: string): Promise<boolean> {
    const grant = await this.grants.forCounting(principal, id);
    return this.grants.hasGiven(principal, countable(grant));
  }

  async #holder(request: FastifyRequest): Promise<string> {
    const holder = await this.holders.of(request);
    if (holder !== undefined) return holder;
    throw new RegistryError('dpop_proof_missing', 'A seat is held by a key, and nothing proves that you hold one.', {
      field: 'dpop',
      fix: 'Send a proof of possession in the header DPoP (RFC 9449).',
    });
  }
}

const stillBorrowed = ({ until }: SeatView): RegistryError =>
  new RegistryError('state_conflict', `The seat is borrowed until ${until}, and may be in use out of reach.`, {
    field: 'holder',
    fix: 'Give it up by the key that holds it, or ask the licensor to.',
  });

async function requireFree(manager: EntityManager, counters: readonly Counted[]): Promise<void> {
  for (const { grant, seats } of counters) {
    if (seats === null) continue;
    const { taken, nextFree } = await takenSeats(manager, grant);
    if (taken < seats) continue;
    throw new RegistryError('seats_exhausted', `All ${seats} seats are taken.`, {
      field: 'seats',
      fix: `The next one is free at ${nextFree}, unless its holder goes on with it.`,
    });
  }
}
