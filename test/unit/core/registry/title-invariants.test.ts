/**
 * Whatever parties do about the title of a model, in whatever order, what they leave fits together: shares add up to one,
 * what rests on a share is covered by it and rests on one share alone, and the rows tell what the instruments say.
 */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RegistryError } from '../../../../src/core/errors.ts';
import {
  instrument,
  instrumentAct,
  registration,
  succession,
  successionAct,
} from '../../../../src/core/registry/index.ts';
import type { InstrumentBody } from '../../../../src/core/registry/instrument.ts';
import type { SuccessionBody } from '../../../../src/core/registry/succession.ts';
import { portionsOf } from '../../../../src/core/registry/succession.ts';
import type { TableName, Tables } from '../../../../src/core/registry/tables.ts';
import { heldBy, stands } from '../../../../src/core/registry/title.ts';
import { effectiveDate, sharesOf } from '../../../../src/core/registry/transmission.ts';
import { add, compare, formatShare, NOTHING } from '../../../../src/core/share.ts';
import { titleAt, transfersOf } from '../../../../src/core/title/chain.ts';
import type { InstrumentAct } from '../../../../src/core/title/instrument-states.ts';
import type { Terms } from '../../../../src/core/title/terms.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

const PARTIES = 5;
const dayOf = (day: number): string => `2026-06-${String(1 + day).padStart(2, '0')}`;
const share = fc.constantFrom('1/12', '1/6', '1/6', '1/4', '1/3', '1/2', '1/1');
const party = fc.nat(PARTIES - 1);
const until = fc.option(fc.nat(25), { nil: null });

const command = fc.oneof(
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('offer' as const),
      agreed: fc.constantFrom(true, true, true, false),
      type: fc.constantFrom('assignment', 'assignment', 'pledge', 'option', 'priority-hold', 'co-ownership'),
      by: party,
      to: party,
      share,
      until,
      under: fc.option(fc.nat(12), { nil: null }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom<InstrumentAct>('accept', 'accept', 'accept', 'consent', 'record', 'release', 'withdraw'),
      by: party,
      at: fc.nat(12),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('succeed' as const),
      by: party,
      to: party,
      also: fc.option(party, { nil: null }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('transmit' as const), by: party, at: fc.nat(2) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), days: fc.nat(4) }) },
);
type Command = typeof command extends fc.Arbitrary<infer C> ? C : never;

class World {
  readonly log = new TestLog();
  readonly parties: string[] = Array.from({ length: PARTIES }, () => this.log.makeParty().id);
  readonly model: string;
  readonly owners = [
    { party: this.parties[0]!, share: '1/2' },
    { party: this.parties[1]!, share: '1/3' },
    { party: this.parties[2]!, share: '1/6' },
  ];
  readonly #record: `sha256:${string}`;
  readonly offers: string[] = [];
  readonly successions: string[] = [];
  done = 0;
  #day = 0;

  constructor() {
    const body = modelOf(this.parties[0]!, { owners: this.owners });
    const made = this.log.speak(registration, this.#by(this.parties[0]!), body);
    this.model = made.id;
    this.#record = made.statement;
  }

  get day(): string {
    return dayOf(this.#day);
  }

  rowsOf<T extends TableName>(table: T): Tables[T][] {
    return [...this.log.rows].flatMap(([key, row]) => (key.startsWith(`${table} `) ? [row as Tables[T]] : []));
  }

  /** What may not be done is refused by name, and changes nothing. */
  attempt(step: Command): void {
    try {
      this.#do(step);
      this.done++;
    } catch (error) {
      if (!(error instanceof RegistryError) || error.code === 'ledger_inconsistent') throw error;
    }
  }

  #do(step: Command): void {
    if (step.do === 'wait') {
      this.#day = Math.min(28, this.#day + step.days);
      return;
    }
    const by = this.parties[step.by]!;
    if (step.do === 'offer') return this.#offer(by, this.parties[step.to]!, step);
    if (step.do === 'succeed') return this.#succeed(by, this.parties[step.to]!, step.also);
    if (step.do === 'transmit') return this.#transmit(by, this.successions[step.at]);
    const id = this.offers[step.at];
    if (id === undefined) return;
    const basis = [this.log.get('instrument', id)!.statement];
    this.log.speak(instrumentAct, { ...this.#by(by), basis }, { instrument: id, act: step.do, reason: null });
  }

  #offer(by: string, to: string, step: Extract<Command, { do: 'offer' }>): void {
    const { log, model } = this;
    const own = log.get('title', model, by);
    const basis = [...new Set([this.#record, ...(own === undefined ? [] : [own.statement])])].sort();
    const made = log.speak(instrument, { ...this.#by(by), basis }, this.#bodyOf(this.#termsOf(step), [to]));
    this.offers.push(made.id);
    if (!step.agreed) return;
    const accepting = { ...this.#by(to), basis: [made.statement] };
    log.speak(instrumentAct, accepting, { instrument: made.id, act: 'accept', reason: null });
  }

  #termsOf({ type, share, until, under }: Extract<Command, { do: 'offer' }>): Terms {
    const day = until === null ? null : dayOf(until);
    switch (type) {
      case 'assignment':
        return { type, share, under: under === null ? null : (this.offers[under] ?? null) };
      case 'co-ownership': {
        const quorums = {
          assignment: '1/2',
          pledge: '0',
          option: share,
          'priority-hold': '2/3',
          'exclusive-license': '1/1',
        };
        return { type, quorums };
      }
      case 'priority-hold':
        return { type, share, until: day ?? dayOf(28) };
      case 'option':
      case 'pledge':
        return { type, share, until: day };
    }
  }

  #succeed(from: string, to: string, also: number | null): void {
    const other = also === null ? undefined : this.parties[also]!;
    const successors =
      other === undefined
        ? [{ party: to, portion: '1/1' }]
        : [
            { party: to, portion: '1/3' },
            { party: other, portion: '2/3' },
          ];
    const body: SuccessionBody = {
      type: other === undefined ? 'merger' : 'split',
      predecessor: from,
      successors,
      documentDigest: anyDigest(),
      effectiveFrom: this.day,
      jurisdiction: 'DE',
    };
    const { id, statement } = this.log.speak(succession, this.#by(from), body);
    for (const { party } of successors) {
      const common = { ...this.#by(party), basis: [statement] };
      this.log.speak(successionAct, common, { succession: id, act: 'accept', reason: null });
    }
    this.successions.push(id);
  }

  #transmit(by: string, id: string | undefined): void {
    if (id === undefined) return;
    const { log, model } = this;
    const row = log.get('succession', id)!;
    const said = row.document as SuccessionBody;
    const due = sharesOf(heldBy(log, model, row.predecessor), portionsOf(said), (each) => heldBy(log, model, each));
    const interests = this.rowsOf('interest')
      .filter((interest) => interest.holder === row.predecessor && stands(interest, this.day))
      .map((interest) => interest.id)
      .sort();
    const shares = due.map((each) => ({ party: each.party, share: formatShare(each.share) }));
    const own = log.get('title', model, row.predecessor);
    const terms: Terms = { type: 'transmission', succession: id, predecessor: row.predecessor, shares, interests };
    const to = [row.predecessor, ...row.successors].filter((each) => each !== by).sort();
    const body = {
      ...this.#bodyOf(terms, to),
      documentDigest: said.documentDigest,
      effectiveFrom: effectiveDate(
        said.effectiveFrom,
        own === undefined || own.shareNum === 0 ? null : own.effectiveFrom,
      ),
    };
    log.speak(instrument, { ...this.#by(by), basis: [this.#record, row.statement].sort() }, body);
  }

  #bodyOf(terms: Terms, counterparties: string[]): InstrumentBody {
    return {
      asset: this.model,
      terms,
      counterparties,
      documentDigest: null,
      executedOn: null,
      effectiveFrom: this.day,
      jurisdiction: 'DE',
      lapsesAt: null,
    };
  }

  #by(maker: string) {
    return { maker, attestedBy: 'registry' as const, statedAt: `${this.day}T12:00:00.000Z` };
  }
}

function requireWhole(world: World): void {
  const { log, model, day } = world;
  const titles = world.rowsOf('title');
  const sum = titles.reduce((all, row) => add(all, heldBy(log, model, row.partyId)), NOTHING);
  expect(formatShare(sum)).toBe('1/1');

  const standing = world.rowsOf('interest').filter((interest) => stands(interest, day));
  const listed = world.rowsOf('encumbrance').flatMap(({ partyId, interests }) => interests.map((id) => [id, partyId]));
  for (const { id, grantor } of standing) expect(listed.filter(([each]) => each === id)).toEqual([[id, grantor]]);
  for (const { partyId } of titles) {
    const resting = standing
      .filter(({ grantor }) => grantor === partyId)
      .reduce((all, { shareNum, shareDen }) => add(all, { num: BigInt(shareNum!), den: BigInt(shareDen!) }), NOTHING);
    expect([partyId, compare(resting, heldBy(log, model, partyId)) <= 0]).toEqual([partyId, true]);
  }

  const transfers = world
    .rowsOf('instrument')
    .filter(({ inForceIndex }) => inForceIndex !== null)
    .sort((a, b) => a.inForceIndex! - b.inForceIndex!)
    .flatMap(({ id, maker, document, inForceIndex }) =>
      transfersOf({ ...(document as InstrumentBody), id, maker }, inForceIndex!),
    );
  const root = { owners: world.owners, effectiveFrom: dayOf(0), index: 0 };
  const told = titleAt(root, transfers, { effective: dayOf(28), known: Number.MAX_SAFE_INTEGER });
  const kept = titles
    .filter(({ shareNum }) => shareNum > 0)
    .map(({ partyId, shareNum, shareDen }) => [partyId, `${shareNum}/${shareDen}`]);
  expect(new Map(told.map((owned) => [owned.party, owned.share]))).toEqual(new Map(kept as [string, string][]));
  for (let past = 0; past <= 28; past++) {
    const then = titleAt(root, transfers, { effective: dayOf(past), known: Number.MAX_SAFE_INTEGER });
    const all = then.reduce((sum, owned) => add(sum, parse(owned.share)), NOTHING);
    expect(formatShare(all)).toBe('1/1');
  }
}

function parse(text: string) {
  const [num, den] = text.split('/').map(BigInt) as [bigint, bigint];
  return { num, den };
}

test('title, and what rests on it, fit together after any sequence of acts', () => {
  let done = 0;
  let inForce = 0;
  let transmitted = 0;
  fc.assert(
    fc.property(fc.array(command, { minLength: 30, maxLength: 80, size: 'max' }), (commands) => {
      const world = new World();
      for (const step of commands) world.attempt(step);
      requireWhole(world);
      const instruments = world.rowsOf('instrument');
      done += world.done;
      inForce += instruments.filter(({ inForceIndex }) => inForceIndex !== null).length;
      transmitted += instruments.filter(({ type }) => type === 'transmission').length;
    }),
    { numRuns: 150 },
  );
  // It is worth nothing where all was refused.
  expect([done > 1500, inForce > 400, transmitted > 10]).toEqual([true, true, true]);
}, 120_000);
