/**
 * Uses of grants, counted exactly: a report has an id of its client and counts once, however often it is sent; what is
 * used under a sub-license counts for every grant above it; and what goes beyond a quota is refused as a whole, by the
 * counters that everybody who counts there takes one after the other.
 *
 * A gate that wants to answer without asking leases a block of calls first. Leased calls count against the quota until
 * they are reported as spent, or the block is settled: what a gate that vanished had leased stays used.
 */
import { Injectable } from '@nestjs/common';
import { canonicalize } from '../core/canonical-json.ts';
import { formatDigest } from '../core/digest.ts';
import { RegistryError } from '../core/errors.ts';
import { callsLeft } from '../core/licensing/quota.ts';
import type { Principal } from '../platform/auth/index.ts';
import { sha256 } from '../platform/crypto.ts';
import type { EntityManager } from '../platform/database/index.ts';
import { DataSource } from '../platform/database/index.ts';
import type { CountableGrant } from './countable-grants.ts';
import { countable, CountableGrants } from './countable-grants.ts';
import type { BlockView, CountsView, Lease, OpenBlockView, Report, UsageView } from './usage.schema.ts';
import type { Block, Counted, KeptReport } from './usage.store.ts';
import {
  addToSums,
  findBlock,
  findReport,
  insertBlock,
  insertReport,
  lockCounters,
  moveCounters,
  openBlocks,
  readCounters,
  settleBlock,
  spendOfBlock,
  sumByAction,
  sumByDay,
  tokenOfOther,
} from './usage.store.ts';

@Injectable()
export class UsageService {
  constructor(
    private readonly grants: CountableGrants,
    private readonly database: DataSource,
  ) {}

  /**
   * @throws RegistryError `not_found`, `state_conflict`, `quota_exceeded`, `idempotency_key_reused`, `invalid_input`,
   *   `use_not_licensed`
   */
  async report(principal: Principal, id: string, report: Report): Promise<CountsView> {
    const { token, ...said } = report;
    requirePast(said);
    const { partyId: party, apiKeyId: apiKey } = principal;
    const calls = said.uses.reduce((sum, use) => sum + use.calls, 0);
    const digest = formatDigest(sha256(canonicalize({ ...said, grant: id })));
    const isKnown = (known: KeptReport | undefined): boolean => {
      if (known !== undefined) requireSame(known.digest === digest && known.party === party, said.id);
      return known !== undefined;
    };
    const known = isKnown(await findReport(this.database.manager, said.id));
    const grant = known
      ? countable(await this.grants.byId(id))
      : await this.#reportable(principal, id, said.block, token);
    if (!known) await this.#requireOwnTokens(id, said);
    return this.database.transaction(async (manager) => {
      const counters = await lockCounters(manager, grant.chain);
      // Another request with the same report may have come between.
      if (!isKnown(await findReport(manager, said.id))) {
        const leased = said.block === null ? 0 : calls;
        if (said.block === null) requireLeft(counters, calls);
        else await spend(manager, said.block, principal, calls);
        await moveCounters(manager, grant.chain, { calls, leased: -leased });
        await insertReport(manager, { ...said, grant: id, party, apiKey, calls, digest });
        await addToSums(manager, { ...said, grant: id, calls });
      }
      return countsOf(id, await readCounters(manager, grant.chain));
    });
  }

  /** @throws RegistryError `not_found`, `state_conflict`, `quota_exceeded` where nothing is left, `idempotency_key_reused` */
  async lease(principal: Principal, id: string, lease: Lease): Promise<BlockView> {
    const sameBlock = async (manager: EntityManager): Promise<BlockView | undefined> => {
      const known = await findBlock(manager, lease.id);
      if (known === undefined) return undefined;
      requireSame(known.grant === id && known.party === principal.partyId && known.wanted === lease.calls, lease.id);
      return viewOf(known);
    };
    const before = await sameBlock(this.database.manager);
    if (before !== undefined) return before;
    const grant = await this.grants.inForce(principal, id, lease.token);
    return this.database.transaction(async (manager) => {
      const counters = await lockCounters(manager, grant.chain);
      const known = await sameBlock(manager);
      if (known !== undefined) return known;
      const left = callsLeft(counters) ?? Infinity;
      if (left === 0) throw exceeded(0);
      const calls = Math.min(lease.calls, left);
      await insertBlock(manager, { id: lease.id, grant: id, party: principal.partyId, calls, wanted: lease.calls });
      await moveCounters(manager, grant.chain, { calls: 0, leased: calls });
      return { id: lease.id, grant: id, calls, spent: 0, settled: false };
    });
  }

  /**
   * Gives back what was not spent of a block. Settled twice, it stays what it was. By who leased it, or by who gave the
   * grant that all others are a part of: that its gate has vanished is a loss that nobody else may turn on it.
   */
  async settle(principal: Principal, id: string, block: string): Promise<BlockView> {
    return this.database.transaction(async (manager) => {
      const first = await findBlock(manager, block);
      if (first === undefined || first.grant !== id) throw missingBlock(block);
      const grant = countable(await this.grants.byId(id));
      const isOwn = first.party === principal.partyId;
      if (!isOwn && !(await this.grants.hasGiven(principal, grant))) throw missingBlock(block);
      await lockCounters(manager, grant.chain);
      const kept = (await findBlock(manager, block))!;
      if (!kept.settled) {
        await settleBlock(manager, block);
        await moveCounters(manager, grant.chain, { calls: 0, leased: kept.spent - kept.calls });
      }
      return viewOf({ ...kept, settled: true });
    });
  }

  /** The blocks that are not settled, the oldest first, for the sides of the grant and those above it. */
  async blocks(principal: Principal, id: string): Promise<OpenBlockView[]> {
    await this.grants.find(principal, id);
    return openBlocks(this.database.manager, id);
  }

  /** For the sides of the grant and those above it. @throws RegistryError `not_found` */
  async usage(principal: Principal, id: string): Promise<UsageView> {
    const { chain } = countable(await this.grants.find(principal, id));
    const { manager } = this.database;
    return {
      ...countsOf(id, await readCounters(manager, chain)),
      byAction: await sumByAction(manager, id),
      byDay: await sumByDay(manager, id),
    };
  }

  /** A use by a token is one of the grant that the token is under. @throws RegistryError `use_not_licensed` */
  async #requireOwnTokens(id: string, { uses }: Pick<Report, 'uses'>): Promise<void> {
    const tokens = uses.flatMap(({ token }) => (token === null ? [] : [token]));
    const other = tokens.length === 0 ? undefined : await tokenOfOther(this.database.manager, id, tokens);
    if (other === undefined) return;
    throw new RegistryError('use_not_licensed', `The token ${other} was not issued under the grant ${id}.`, {
      field: `uses.${uses.findIndex(({ token }) => token === other)}.token`,
      fix: 'Report the uses of each token under its own grant.',
    });
  }

  /**
   * What was spent of a block was used while the grant was in force, and is told whenever it comes: who leased the block
   * needs no other right.
   */
  async #reportable(
    principal: Principal,
    id: string,
    block: string | null,
    token: string | undefined,
  ): Promise<CountableGrant> {
    if (block === null) return this.grants.inForce(principal, id, token);
    const kept = await findBlock(this.database.manager, block);
    if (kept?.grant === id && kept.party === principal.partyId) return countable(await this.grants.byId(id));
    await this.grants.forCounting(principal, id, token);
    throw missingBlock(block);
  }
}

/** @param counters the grant itself comes last */
function countsOf(grant: string, counters: readonly Counted[]): CountsView {
  const { maxCalls, calls, leased } = counters.at(-1)!;
  return { grant, maxCalls, calls, leased, left: callsLeft(counters) };
}

/** Clocks differ, by hours where one is set wrong; what lies further ahead was not used yet. */
const AHEAD_MS = 86_400_000;

function requirePast({ from, to }: Pick<Report, 'from' | 'to'>): void {
  if (to < from) throw new RegistryError('invalid_input', 'The uses end before they begin.', { field: 'to' });
  if (Date.parse(to) <= Date.now() + AHEAD_MS) return;
  throw new RegistryError('invalid_input', `The uses end at ${to}, which is yet to come.`, {
    field: 'to',
    fix: 'Set the clock of whoever counts them.',
  });
}

function requireLeft(counters: readonly Counted[], calls: number): void {
  const left = callsLeft(counters);
  if (left !== null && calls > left) throw exceeded(left);
}

async function spend(manager: EntityManager, id: string, { partyId }: Principal, calls: number): Promise<void> {
  const block = await findBlock(manager, id);
  if (block?.party !== partyId) throw missingBlock(id);
  if (block.settled) {
    throw new RegistryError('state_conflict', `The block ${id} is settled: nothing of it can be spent.`, {
      field: 'block',
    });
  }
  if (block.spent + calls > block.calls) throw exceeded(block.calls - block.spent, 'block');
  await spendOfBlock(manager, id, calls);
}

function requireSame(same: boolean, id: string): void {
  if (same) return;
  throw new RegistryError('idempotency_key_reused', `${id} was used for something else.`, {
    field: 'id',
    fix: 'Make a new random id.',
  });
}

const viewOf = ({ id, grant, calls, spent, settled }: Block): BlockView => ({ id, grant, calls, spent, settled });

const exceeded = (left: number, of = 'grant'): RegistryError =>
  new RegistryError('quota_exceeded', `The ${of} leaves ${left === 0 ? 'no calls' : `${left} calls`}.`, {
    field: 'uses',
    fix: of === 'grant' ? 'Ask the licensor for a wider license.' : 'Lease another block.',
  });

const missingBlock = (id: string): RegistryError =>
  new RegistryError('not_found', `There is no block ${id} of yours under this grant.`, { field: 'block' });
