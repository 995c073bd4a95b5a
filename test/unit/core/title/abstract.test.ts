import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import {
  dataset,
  instrument,
  instrumentAct,
  registration,
  succession,
  successionAct,
} from '../../../../src/core/registry/index.ts';
import type { InstrumentBody } from '../../../../src/core/registry/instrument.ts';
import type { Kind, Spoken } from '../../../../src/core/registry/kind.ts';
import { readSpoken } from '../../../../src/core/registry/spoken.ts';
import type { Common } from '../../../../src/core/statement/statement.ts';
import type { AbstractOfTitle, ShownAbstract } from '../../../../src/core/title/abstract.ts';
import { judgeAbstract, requireTold } from '../../../../src/core/title/abstract.ts';
import type { InstrumentAct } from '../../../../src/core/title/instrument-states.ts';
import type { Proven } from '../../../../src/core/title/proven-transfers.ts';
import type { Terms } from '../../../../src/core/title/terms.ts';
import { newId, sha256 } from '../../../../src/platform/crypto.ts';
import { anyDigest, heldDatasetOf, modelOf } from '../../../support/bodies.ts';
import { makeKey, TestLog } from '../../../support/test-log.ts';

const DAY = '2026-06-01';
const NOON = `${DAY}T12:00:00.000Z`;
const invalid = (sentence: RegExp) =>
  expect.objectContaining({ code: 'proof_invalid', message: expect.stringMatching(sentence) });

let log: TestLog;
let first: Proven;
let model: string;
let [ada, ben, cai, dana]: string[] = [];
const parties = () => [ada, ben, cai, dana] as [string, string, string, string];

/** Signed, recorded, and read again as a receipt's statement is. */
function record<Body>(kind: Kind<Body>, common: Partial<Common> & { maker: string }, body: Body): Proven {
  const draft = log.draft(kind, { attestedBy: 'registry', statedAt: NOON, ...common }, body);
  const index = log.statements.size;
  log.record(draft);
  return { spoken: readSpoken(sha256, draft.payload, draft.spki), index };
}

function registerModel(owners: Record<string, string>): void {
  const body = modelOf(ada!, { owners: Object.entries(owners).map(([party, share]) => ({ party, share })) });
  first = record(registration, { maker: ada!, statedAt: '2026-05-01T12:00:00.000Z' }, body);
  model = first.spoken.common.id;
}

function offer(maker: string, terms: Terms, to: string | string[], different: Partial<InstrumentBody> = {}): Proven {
  const basis = [first.spoken.payloadDigest, log.get('title', model, maker)!.statement];
  const body: InstrumentBody = {
    asset: model,
    terms,
    counterparties: [to].flat().sort(),
    documentDigest: anyDigest(),
    executedOn: '2026-05-20',
    effectiveFrom: DAY,
    jurisdiction: 'DE',
    lapsesAt: null,
    ...different,
  };
  return record(instrument, { maker, basis: [...new Set(basis)].sort() }, body);
}

const act = (maker: string, { spoken }: Proven, doing: InstrumentAct, reason: string | null = null): Proven =>
  record(instrumentAct, { maker, basis: [spoken.payloadDigest] }, { instrument: spoken.common.id, act: doing, reason });

const share = (of: string, under: string | null = null): Terms => ({ type: 'assignment', share: of, under });

/** An assignment that comes into force. */
function assign(from: string, to: string, of: string): Proven[] {
  const offered = offer(from, share(of), to);
  return [offered, act(to, offered, 'accept')];
}

const shown = (instruments: readonly Proven[][], different: Partial<ShownAbstract> = {}): ShownAbstract => ({
  asset: model,
  effective: DAY,
  known: log.statements.size,
  first,
  instruments,
  successions: [],
  others: [],
  ...different,
});

const sharesOf = ({ owners }: AbstractOfTitle) => Object.fromEntries(owners.map(({ party, share }) => [party, share]));

/** The statement with another body or other common members, as nobody signed it. */
const altered = ({ spoken, index }: Proven, common: Partial<Common>, body: object = {}): Proven => ({
  index,
  spoken: { ...spoken, common: { ...spoken.common, ...common }, body: { ...(spoken.body as object), ...body } },
});

beforeEach(() => {
  log = new TestLog();
  [ada, ben, cai, dana] = [1, 2, 3, 4].map(() => log.makeParty().id);
  registerModel({ [ada!]: '1/2', [ben!]: '1/2' });
});

describe('an abstract of title', () => {
  test('comes to the shares of the writer, and tells since when and by which instrument', () => {
    const [a, b, c, d] = parties();
    const [one, two, three] = [assign(a, c, '1/3'), assign(c, d, '1/3'), assign(b, d, '1/4')];
    const judged = judgeAbstract(shown([one, two, three]));
    for (const party of parties()) {
      const row = log.get('title', model, party);
      const there = row === undefined || row.shareNum === 0 ? undefined : `${row.shareNum}/${row.shareDen}`;
      expect(sharesOf(judged)[party]).toBe(there);
    }
    expect(judged).toMatchObject({
      name: 'a small classifier',
      first: { maker: a, existsFrom: '2026-05-01', recordedIndex: first.index },
      instruments: [one, two, three].map(([offered, accepted]) => ({
        id: offered!.spoken.common.id,
        state: 'recorded',
        recordedIndex: offered!.index,
        inForceIndex: accepted!.index,
        acts: [{ act: 'accept', recordedIndex: accepted!.index }],
      })),
    });
    expect(judged.owners.find(({ party }) => party === d)).toMatchObject({
      share: '7/12',
      since: { instrument: two[0]!.spoken.common.id, index: two[1]!.index },
      changed: { instrument: three[0]!.spoken.common.id },
    });
  });

  test('names what each instrument leaves open', () => {
    const [a, , c] = parties();
    const offered = offer(a, share('1/4'), c, { documentDigest: null, jurisdiction: null });
    const [line] = judgeAbstract(shown([[offered, act(c, offered, 'accept')]])).instruments;
    expect(line!.gaps).toEqual([
      'no signed document is named',
      'no governing law is stated',
      ...[a, c].map((party) => `the registry signed for ${party}, which had no key`),
    ]);
  });

  test('of a dataset begins with the holder who registered it', () => {
    const [a, , c] = parties();
    first = record(dataset, { maker: a }, heldDatasetOf(a, [{ name: 'a', bytes: new Uint8Array([1]) }]));
    model = first.spoken.common.id;
    const judged = judgeAbstract(shown([assign(a, c, '1/3')]));
    expect(sharesOf(judged)).toEqual({ [a]: '2/3', [c]: '1/3' });
  });

  test('of statements that lie between each other is judged in the order of the log', () => {
    const [a, b, c, d] = parties();
    const [slow, quick] = [offer(a, share('1/4'), c), offer(b, share('1/2'), d)];
    const quickly = act(d, quick, 'accept');
    const slowly = act(c, slow, 'accept');
    const judged = judgeAbstract(
      shown([
        [slow, slowly],
        [quick, quickly],
      ]),
    );
    expect(judged.instruments.map(({ id }) => id)).toEqual([quick, slow].map(({ spoken }) => spoken.common.id));
  });

  test('shows what rests on the title, until it is released or its day is over', () => {
    const [a, b, c] = parties();
    const pledge = offer(a, { type: 'pledge', share: '1/4', until: '2026-07-01' }, c);
    const lien = [pledge, act(c, pledge, 'accept')];
    const hold = offer(b, { type: 'priority-hold', share: '1/4', until: '2026-12-31' }, c);
    const before = judgeAbstract(shown([lien, [hold]]));
    expect(before.interests).toMatchObject([
      { instrument: pledge.spoken.common.id, kind: 'lien', grantor: a, holder: c, recordedIndex: lien[1]!.index },
      { instrument: hold.spoken.common.id, kind: 'priority-hold', grantor: b },
    ]);
    expect(judgeAbstract(shown([lien, [hold]], { effective: '2026-07-02' })).interests).toHaveLength(1);
    const released = judgeAbstract(shown([[...lien, act(c, pledge, 'release')], [hold]]));
    expect(released.interests).toMatchObject([{ kind: 'priority-hold' }]);
    expect(released.instruments.find(({ id }) => id === pledge.spoken.common.id)).toMatchObject({ state: 'released' });
  });

  test('proves the consent of the quorum that the owners agreed on', () => {
    const [a, b, , d] = parties();
    const quorums = { assignment: '1/1', pledge: '0', option: '0', 'priority-hold': '0', 'exclusive-license': '1/1' };
    const agreement = offer(a, { type: 'co-ownership', quorums }, b);
    const agreed = [agreement, act(b, agreement, 'accept')];
    const sale = offer(a, share('1/4'), d);
    const sold = [sale, act(d, sale, 'accept'), act(b, sale, 'consent')];
    const judged = judgeAbstract(shown([agreed, sold]));
    expect([sharesOf(judged)[d], judged.quorums]).toEqual(['1/4', quorums]);
    expect(() => judgeAbstract(shown([agreed, sold.slice(0, 2)]))).toThrow(invalid(/accepted, and never came into/));
  });
});

describe('what is shown falsely', () => {
  let one: Proven[];
  let two: Proven[];
  beforeEach(() => {
    const [a, , c, d] = parties();
    [one, two] = [assign(a, c, '1/3'), assign(c, d, '1/4')];
  });

  test.each<[string, () => Partial<ShownAbstract>, RegExp]>([
    ['another asset', () => ({ asset: newId('registration') }), /not the record of/],
    ['another first record', () => ({ first: one[0]! }), /not the record of/],
    ['an instrument without its offer', () => ({ instruments: [one.slice(1), two] }), /should be an offer/],
    ['an instrument without statements', () => ({ instruments: [[], two] }), /should be an offer/],
    ['an offer that nobody accepted', () => ({ instruments: [one, two.slice(0, 1)] }), /offered, and never came/],
    ['an act under another instrument', () => ({ instruments: [[one[0]!, two[1]!]] }), /does nothing about/],
    ['acts in another order', () => ({ instruments: [[two[0]!, two[1]!, two[1]!]] }), /not shown in the order/],
    ['one instrument twice', () => ({ instruments: [one, one] }), /shown twice/],
    ['an instrument before its asset', () => ({ first: { ...first, index: one[1]!.index + 9 } }), /not among|before/],
    ['what came later than it speaks of', () => ({ known: two[1]!.index }), /not among the/],
    ['a chain without a link', () => ({ instruments: [two] }), /offer by .* does not follow: Only an owner/],
  ])('as %s is refused', (_, different, sentence) => {
    expect(() => judgeAbstract(shown([one, two], different()))).toThrow(invalid(sentence));
    expect(sharesOf(judgeAbstract(shown([one, two])))).toMatchObject({ [dana!]: '1/4' });
  });

  test('an instrument that was left out is missed by what its assignor offers next', () => {
    const [a, , , d] = parties();
    const three = assign(a, d, '1/8');
    const gapsIn = (abstract: AbstractOfTitle) =>
      abstract.instruments.at(-1)!.gaps.filter((gap) => gap.includes('not shown'));
    expect(gapsIn(judgeAbstract(shown([one, two, three])))).toEqual([]);
    const missed = one[1]!.spoken.payloadDigest;
    expect(gapsIn(judgeAbstract(shown([three])))).toEqual([`builds on ${missed}, not shown`]);
    expect(() => judgeAbstract(shown([three], { others: [one[1]!] }))).toThrow(invalid(/outside the chain/));
    expect(() => judgeAbstract(shown([three], { others: [one[0]!] }))).toThrow(invalid(/outside the chain/));
    const four = assign(a, d, '1/48');
    expect(() => judgeAbstract(shown([one, two, four]))).toThrow(invalid(/does not follow: The statement's basis/));
  });

  test('what else an offer builds on is no gap where it is shown', () => {
    const [a] = parties();
    const other = record(dataset, { maker: a }, heldDatasetOf(a, [{ name: 'a', bytes: new Uint8Array([1]) }]));
    const [offered, accepted] = [altered(two[0]!, {}), two[1]!];
    const named = altered(offered, { basis: [...offered.spoken.common.basis, other.spoken.payloadDigest] });
    const gaps = (others: Proven[]) => judgeAbstract(shown([one, [named, accepted]], { others })).instruments[1]!.gaps;
    expect(gaps([])).toContain(`builds on ${other.spoken.payloadDigest}, not shown`);
    expect(gaps([other]).join()).not.toContain('not shown');
  });

  test('the first thing that is wrong is named, in the order of the log', () => {
    const later = altered(two[1]!, { maker: ben! });
    const earlier = altered(one[1]!, { maker: dana! });
    expect(() =>
      judgeAbstract(
        shown([
          [two[0]!, later],
          [one[0]!, earlier],
        ]),
      ),
    ).toThrow(invalid(new RegExp(`^Entry ${one[1]!.index} \\(accept by ${dana}\\) does not follow: .* somebody else`)));
  });

  test.each<[string, () => [Proven[], Proven[]], RegExp]>([
    ['a larger share', () => [[altered(one[0]!, {}, { terms: share('2/3') }), one[1]!], two], /You hold 1\/2/],
    ['a stranger who assigns', () => [[altered(one[0]!, { maker: dana! }), one[1]!], two], /Only an owner/],
    ['a stranger who accepts', () => [[one[0]!, altered(one[1]!, { maker: dana! })], two], /to somebody else/],
    ['another assignee', () => [[altered(one[0]!, {}, { counterparties: [dana!] }), one[1]!], two], /somebody else/],
    ['another asset', () => [[altered(one[0]!, {}, { asset: newId('registration') }), one[1]!], two], /is about/],
    ['an offer on other facts', () => [[altered(one[0]!, { basis: [] }), one[1]!], two], /does not name/],
    ['an act on another offer', () => [[one[0]!, altered(one[1]!, { basis: [] })], two], /does not name/],
    ['a rejection', () => [[one[0]!, altered(one[1]!, {}, { act: 'reject' })], two], /Only an owner|never came/],
    ['a withdrawal', () => [one, [two[0]!, altered(two[1]!, { maker: cai! }, { act: 'withdraw' })]], /withdrawn, and/],
    ['a lapse', () => [one, [two[0]!, altered(two[1]!, {}, { act: 'lapse' })]], /lapse by .* does not follow/],
    ['an offer that had ended', () => [one, lapsed()], /does not follow: The offer .* ended/],
    [
      'a day before the title began',
      () => [[altered(one[0]!, {}, { effectiveFrom: '2026-04-01' }), one[1]!], two],
      /counts from/,
    ],
    ['another log', () => [one, [two[0]!, altered(two[1]!, { origin: 'other.log/1' })]], /of another log/],
  ])('with %s is refused', (_, change, sentence) => {
    expect(() => judgeAbstract(shown(change()))).toThrow(invalid(sentence));
  });

  const lapsed = () => [
    altered(two[0]!, {}, { lapsesAt: `${DAY}T12:30:00.000Z` }),
    altered(two[1]!, { statedAt: `${DAY}T13:00:00.000Z` }),
  ];

  test('an act after the end is refused', () => {
    const again = { ...altered(two[1]!, { id: newId('instrumentact') }), index: two[1]!.index + 1 };
    const known = log.statements.size + 2;
    expect(() => judgeAbstract(shown([one, [...two, again]], { known }))).toThrow(invalid(/nothing is left there/));
  });

  test('a release by somebody else than the holder is refused', () => {
    const [, b, c] = parties();
    const pledge = offer(b, { type: 'pledge', share: '1/4', until: null }, c);
    const lien = [pledge, act(c, pledge, 'accept')];
    const release = act(c, pledge, 'release');
    const forged = altered(release, { maker: b });
    expect(() => judgeAbstract(shown([one, two, [...lien, forged]]))).toThrow(invalid(/Only who holds an interest/));
  });

  test('a lien that is left out is not hidden where the lienholder consented to a sale', () => {
    const [, b, c, d] = parties();
    const pledge = offer(b, { type: 'pledge', share: '1/2', until: null }, c);
    const lien = [pledge, act(c, pledge, 'accept')];
    const sale = offer(b, share('1/2'), d);
    const sold = [sale, act(d, sale, 'accept'), act(c, sale, 'consent')];
    judgeAbstract(shown([one, two, lien, sold]));
    expect(() => judgeAbstract(shown([one, two, sold]))).toThrow(invalid(/consent by .* does not follow/));
  });

  test('nobody signs for a party with a key, and no key speaks for two', () => {
    const [a, b] = [makeKey(), makeKey()].map(({ spki, keyId }) => ({ spki, fingerprint: keyId as Digest }));
    const own = ({ spoken, index }: Proven, key: Partial<Spoken>): Proven => {
      const common = { ...spoken.common };
      delete common.attestedBy;
      return { index, spoken: { ...spoken, ...key, common } };
    };
    const signed = shown([
      [one[0]!, own(one[1]!, a!)],
      [own(two[0]!, a!), two[1]!],
    ]);
    expect(sharesOf(judgeAbstract(signed))).toMatchObject({ [dana!]: '1/4' });
    expect(() => judgeAbstract(shown([[one[0]!, own(one[1]!, a!)], two]))).toThrow(invalid(/signs with its own key/));
    const stolen = [own(two[0]!, a!), own(two[1]!, a!)];
    expect(() => judgeAbstract(shown([[one[0]!, own(one[1]!, a!)], stolen]))).toThrow(invalid(/with the key of/));
    const rotated = [own(two[0]!, b!), two[1]!];
    expect(sharesOf(judgeAbstract(shown([[one[0]!, own(one[1]!, a!)], rotated])))).toMatchObject({ [dana!]: '1/4' });
  });
});

describe('what the registry tells beside the statements', () => {
  let judged: AbstractOfTitle;
  beforeEach(() => {
    const [a, b, c] = parties();
    const pledge = offer(b, { type: 'pledge', share: '1/4', until: null }, c);
    judged = judgeAbstract(shown([assign(a, c, '1/3'), [pledge, act(c, pledge, 'accept')]]));
  });

  test('may be names, and is the same otherwise', () => {
    const { owners, interests } = judged;
    expect(() =>
      requireTold(judged, { owners: owners.map((owner) => ({ ...owner, name: 'A' })), interests }),
    ).not.toThrow();
  });

  test.each<[string, (owners: AbstractOfTitle['owners']) => object[], RegExp]>([
    ['fewer owners', (owners) => owners.slice(1), /owns nothing; the statements prove 1\/2/],
    ['more owners', (owners) => [...owners, { ...owners[0]!, party: 'party_x' }], /party_x owns 1\/2.*prove nothing/],
    ['another share', (owners) => owners.map((owner) => ({ ...owner, share: '1/5' })), /owns 1\/5 .* prove 1\/2/],
    [
      'another beginning',
      (owners) => owners.map((owner) => ({ ...owner, since: { ...owner.since, index: 99 } })),
      /entry 99/,
    ],
    [
      'another instrument',
      (owners) => owners.map((owner) => ({ ...owner, changed: { ...owner.changed, instrument: 'x' } })),
      /the statements prove/,
    ],
  ])('is refused with %s', (_, change, sentence) => {
    const told = { owners: change(judged.owners) as AbstractOfTitle['owners'], interests: judged.interests };
    expect(() => requireTold(judged, told)).toThrow(invalid(sentence));
  });

  test('is refused when it hides an interest, makes one up, or changes one', () => {
    const { owners, interests } = judged;
    const [lien] = interests;
    for (const told of [[], [lien!, { ...lien!, instrument: 'instrument_x' }], [{ ...lien!, holder: ada! }]]) {
      expect(() => requireTold(judged, { owners, interests: told })).toThrow(invalid(/the interest/));
    }
  });
});

describe('an abstract with a succession', () => {
  const DOCUMENT = anyDigest();

  function merge(from: string, into: string, maker = from): Proven[] {
    const attestedBy = maker === log.registry ? {} : { attestedBy: 'registry' as const };
    const draft = log.draft(
      succession,
      { maker, ...attestedBy, statedAt: NOON },
      {
        type: 'merger',
        predecessor: from,
        successors: [{ party: into, portion: '1/1' }],
        documentDigest: DOCUMENT,
        effectiveFrom: DAY,
        jurisdiction: 'DE',
      },
    );
    const index = log.statements.size;
    log.record(draft);
    const stated = { spoken: readSpoken(sha256, draft.payload, draft.spki), index };
    const body = { succession: stated.spoken.common.id, act: 'accept' as const, reason: null };
    return [stated, record(successionAct, { maker: into, basis: [stated.spoken.payloadDigest] }, body)];
  }

  function transmit(maker: string, [stated]: Proven[], of: string, interests: string[] = []): Proven {
    const { predecessor, successors } = log.get('succession', stated!.spoken.common.id)!;
    const shares = of === '0' ? [] : [{ party: successors[0]!, share: of }];
    const body: InstrumentBody = {
      asset: model,
      terms: { type: 'transmission', succession: stated!.spoken.common.id, predecessor, shares, interests },
      counterparties: [predecessor, ...successors].filter((party) => party !== maker).sort(),
      documentDigest: DOCUMENT,
      executedOn: null,
      effectiveFrom: DAY,
      jurisdiction: 'DE',
      lapsesAt: null,
    };
    const basis = [first.spoken.payloadDigest, stated!.spoken.payloadDigest].sort();
    return record(instrument, { maker, basis }, body);
  }

  test('proves who owns through a transmission, with every step of it', () => {
    const [a, b, c, d] = parties();
    const sold = assign(b, d, '1/4');
    const [one, two] = [merge(a, c), merge(c, d)];
    const [here, there] = [transmit(d, one, '1/2'), transmit(d, two, '1/2')];
    const judged = judgeAbstract(shown([sold, [here], [there]], { successions: [one, two] }));
    expect(sharesOf(judged)).toEqual({ [b]: '1/4', [d]: '3/4' });
    expect(judged.instruments[1]!.gaps).toEqual([`the registry signed for ${d}, which had no key`]);
    expect(judged.owners.find(({ party }) => party === d)!.changed).toMatchObject({ index: there.index });
  });

  test('says where the predecessor did not sign', () => {
    const [a, , c] = parties();
    const stated = merge(a, c, log.registry);
    const [line] = judgeAbstract(shown([[transmit(c, stated, '1/2')]], { successions: [stated] })).instruments;
    expect(line!.gaps[0]).toBe(`the registrar stated the succession, which ${a} did not sign`);
  });

  test('of which the succession or its acceptance is missing, or another one is shown, is refused', () => {
    const [a, b, c, d] = parties();
    const [mine, other] = [merge(a, c), merge(b, d)];
    const chain = [[transmit(c, mine, '1/2')]];
    for (const [successions, sentence] of [
      [[], /There is no succession/],
      [[other], /There is no succession/],
      [[mine.slice(0, 1)], /is offered, and not in force/],
      [[[mine[0]!, other[1]!]], /does nothing about the succession/],
      [[mine.slice(1)], /What should be a succession is none/],
    ] as const) {
      expect(() => judgeAbstract(shown(chain, { successions }))).toThrow(invalid(sentence));
    }
  });

  test('that hides what the predecessor gave away before is refused', () => {
    const [a, , c, d] = parties();
    const sold = assign(a, d, '1/4');
    const mine = merge(a, c);
    const passed = transmit(c, mine, '1/4');
    expect(() => judgeAbstract(shown([[passed]], { successions: [mine] }))).toThrow(invalid(/does not follow/));
    expect(sharesOf(judgeAbstract(shown([sold, [passed]], { successions: [mine] })))).toMatchObject({ [c]: '1/4' });
  });

  test('shows in whose hands an interest is, and was on an earlier day', () => {
    const [a, b, c, d] = parties();
    const offered = offer(a, { type: 'pledge', share: '1/4', until: null }, b, { effectiveFrom: '2026-05-30' });
    const lien = [offered, act(b, offered, 'accept')];
    const id = offered.spoken.common.id;
    const [lender, owner] = [merge(b, c), merge(a, d)];
    const chain = [lien, [transmit(c, lender, '1/2', [id])], [transmit(d, owner, '1/2')]];
    const on = (effective: string) =>
      judgeAbstract(shown(chain, { successions: [lender, owner], effective })).interests;
    expect(on(DAY)).toMatchObject([{ instrument: id, grantor: d, holder: c }]);
    expect(on('2026-05-31')).toMatchObject([{ instrument: id, grantor: a, holder: b }]);
  });
});
