import { beforeEach, describe, expect, test } from '@jest/globals';
import type { Digest } from '../../../../src/core/digest.ts';
import {
  KINDS,
  adverseClaim,
  adverseClaimAct,
  grant,
  instrument,
  instrumentAct,
  key,
  registration,
  succession,
  successionAct,
} from '../../../../src/core/registry/index.ts';
import type { InstrumentBody } from '../../../../src/core/registry/instrument.ts';
import { possessionText } from '../../../../src/core/registry/key.ts';
import type { SuccessionBody } from '../../../../src/core/registry/succession.ts';
import { portionsOf } from '../../../../src/core/registry/succession.ts';
import { effectiveDate, sharesOf } from '../../../../src/core/registry/transmission.ts';
import { formatShare } from '../../../../src/core/share.ts';
import type { InstrumentAct } from '../../../../src/core/title/instrument-states.ts';
import type { SuccessionAct } from '../../../../src/core/title/succession-states.ts';
import type { Terms, TransmissionTerms } from '../../../../src/core/title/terms.ts';
import { newId } from '../../../../src/platform/crypto.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, makeKey, ORIGIN, TestLog } from '../../../support/test-log.ts';
import { heldBy } from '../../../../src/core/registry/title.ts';

const refused = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { field }) });
const DAY = '2026-06-01';
const at = (day: string) => `${day}T12:00:00.000Z`;

let log: TestLog;
let [ada, ben, cai, dana]: string[] = [];
const parties = () => [ada, ben, cai, dana] as [string, string, string, string];
let model: string;
const statements = new Map<string, Digest>();

const attested = (maker: string) => (maker === log.registry ? {} : { attestedBy: 'registry' as const });

function registerModel(owners: Record<string, string>): string {
  const [maker] = Object.keys(owners) as [string];
  const body = modelOf(maker, { owners: Object.entries(owners).map(([party, share]) => ({ party, share })) });
  const made = log.speak(registration, { maker, ...attested(maker), statedAt: at('2026-05-01') }, body);
  statements.set(made.id, made.statement);
  return made.id;
}

const stated = (predecessor: string, portions: Record<string, string>, different: Partial<SuccessionBody> = {}) => ({
  type: Object.keys(portions).length === 1 ? ('merger' as const) : ('split' as const),
  predecessor,
  successors: Object.entries(portions).map(([party, portion]) => ({ party, portion })),
  documentDigest: anyDigest(),
  effectiveFrom: DAY,
  jurisdiction: 'DE',
  ...different,
});

function state(body: SuccessionBody, maker = body.predecessor): string {
  const made = log.speak(succession, { maker, ...attested(maker), statedAt: at(DAY) }, body);
  statements.set(made.id, made.statement);
  return made.id;
}

const answer = (maker: string, id: string, act: SuccessionAct, basis = [statements.get(id)!]) =>
  log.speak(
    successionAct,
    { maker, ...attested(maker), statedAt: at(DAY), basis },
    { succession: id, act, reason: null },
  );

/** A succession in force. */
function succeed(predecessor: string, portions: Record<string, string>, different: Partial<SuccessionBody> = {}) {
  const id = state(stated(predecessor, portions, different));
  for (const party of Object.keys(portions)) answer(party, id, 'accept');
  return id;
}

const merge = (from: string, into: string) => succeed(from, { [into]: '1/1' });

const offered = (terms: Terms, to: string | string[], different: Partial<InstrumentBody> = {}): InstrumentBody => ({
  asset: model,
  terms,
  counterparties: [to].flat().sort(),
  documentDigest: anyDigest(),
  executedOn: '2026-05-20',
  effectiveFrom: DAY,
  jurisdiction: 'DE',
  lapsesAt: null,
  ...different,
});

function offer(maker: string, body: InstrumentBody, more: Digest[] = []): string {
  const title = log.get('title', body.asset, maker);
  const basis = [statements.get(body.asset)!, ...(title === undefined ? [] : [title.statement]), ...more];
  const common = { maker, ...attested(maker), statedAt: at(DAY), basis: [...new Set(basis)].sort() };
  const made = log.speak(instrument, common, body);
  statements.set(made.id, made.statement);
  return made.id;
}

const act = (maker: string, id: string, doing: InstrumentAct) =>
  log.speak(
    instrumentAct,
    { maker, ...attested(maker), statedAt: at(DAY), basis: [statements.get(id)!] },
    { instrument: id, act: doing, reason: null },
  );

function agree(from: string, terms: Terms, to: string): string {
  const id = offer(from, offered(terms, to));
  act(to, id, 'accept');
  return id;
}

/** What an honest successor states of the model. */
function transmission(maker: string, id: string, interests: string[] = []): InstrumentBody {
  const row = log.get('succession', id)!;
  const said = row.document as SuccessionBody;
  const own = log.get('title', model, row.predecessor);
  const due = sharesOf(heldBy(log, model, row.predecessor), portionsOf(said), (party) => heldBy(log, model, party));
  const terms: TransmissionTerms = {
    type: 'transmission',
    succession: id,
    predecessor: row.predecessor,
    shares: due.map(({ party, share }) => ({ party, share: formatShare(share) })),
    interests: [...interests].sort(),
  };
  return offered(
    terms,
    [row.predecessor, ...row.successors].filter((party) => party !== maker),
    {
      documentDigest: said.documentDigest,
      jurisdiction: said.jurisdiction,
      executedOn: null,
      effectiveFrom: effectiveDate(
        said.effectiveFrom,
        own === undefined || own.shareNum === 0 ? null : own.effectiveFrom,
      ),
    },
  );
}

const transmit = (maker: string, id: string, interests: string[] = [], different: Partial<InstrumentBody> = {}) =>
  offer(maker, { ...transmission(maker, id, interests), ...different }, [statements.get(id)!]);

const shareOf = (party: string) => {
  const row = log.get('title', model, party);
  return row === undefined ? undefined : `${row.shareNum}/${row.shareDen}`;
};
const assignment = (share: string, under: string | null = null): Terms => ({ type: 'assignment', share, under });

beforeEach(() => {
  log = new TestLog();
  [ada, ben, cai, dana] = [1, 2, 3, 4].map(() => log.makeParty().id);
  model = registerModel({ [ada!]: '1/2', [ben!]: '1/2' });
});

describe('a succession', () => {
  test('is in force when every successor has accepted; then its predecessor has ended, and no title has moved', () => {
    const [a, , c, d] = parties();
    const id = state(stated(a, { [c]: '2/3', [d]: '1/3' }));
    answer(d, id, 'accept');
    expect([log.get('succession', id)!.state, log.get('ended_party', a)]).toEqual(['offered', undefined]);
    const { statement } = answer(c, id, 'accept');
    expect(log.get('succession', id)).toMatchObject({ state: 'recorded', accepted: [d, c], endedIndex: null });
    expect(log.get('ended_party', a)).toMatchObject({ successionId: id, statement });
    expect([shareOf(a), shareOf(c), shareOf(d)]).toEqual(['1/2', undefined, undefined]);
  });

  test('is stated by the registrar for a predecessor that is gone, with a key or without', () => {
    const [a, , c] = parties();
    const own = makeKey();
    const possession = Buffer.from(own.sign(possessionText(ORIGIN, a, own.keyId))).toString('base64');
    log.speak(
      key,
      { maker: a, attestedBy: 'registry' },
      { spki: own.spki, fingerprint: own.keyId as Digest, possession },
    );
    expect(() => state(stated(a, { [c]: '1/1' }))).toThrow(refused('signature_required'));
    const id = state(stated(a, { [c]: '1/1' }), log.registry);
    answer(c, id, 'accept');
    expect(log.get('ended_party', a)).toBeDefined();
  });

  test('is stated by nobody else', () => {
    const [a, b, c] = parties();
    for (const maker of [b, c])
      expect(() => state(stated(a, { [c]: '1/1' }), maker)).toThrow(refused('forbidden', 'maker'));
  });

  test('is answered by its successors, each once, and withdrawn by who stated it', () => {
    const [a, b, c, d] = parties();
    const id = state(stated(a, { [c]: '1/2', [d]: '1/2' }));
    for (const doing of ['accept', 'reject', 'withdraw'] as const) {
      expect(() => answer(b, id, doing)).toThrow(refused('forbidden'));
    }
    expect(() => answer(a, id, 'accept')).toThrow(refused('forbidden'));
    expect(() => answer(c, id, 'accept', [])).toThrow(refused('basis_stale'));
    answer(c, id, 'accept');
    expect(() => answer(c, id, 'accept')).toThrow(refused('state_conflict'));
    expect(() => answer(c, id, 'withdraw')).toThrow(refused('forbidden'));
    answer(d, id, 'reject');
    expect(() => answer(d, id, 'accept')).toThrow(refused('state_conflict'));
    const other = state(stated(a, { [c]: '1/1' }));
    answer(a, other, 'withdraw');
    expect(() => answer(c, other, 'accept')).toThrow(refused('state_conflict'));
    expect(log.get('ended_party', a)).toBeUndefined();
  });

  test.each<[string, Record<string, string>, string]>([
    ['portions that add up to less', { cai: '1/2', dana: '1/3' }, 'shares_invalid'],
    ['portions that add up to more', { cai: '1/2', dana: '2/3' }, 'shares_invalid'],
    ['a portion of nothing', { cai: '1/1', dana: '0' }, 'shares_invalid'],
    ['a negative portion', { cai: '3/2', dana: '-1/2' }, 'shares_invalid'],
    ['a portion beyond the bound', { cai: `1/${10 ** 15}`, dana: '1/2' }, 'share_too_fine'],
    ['a merger that leaves something', { cai: '1/2' }, 'shares_invalid'],
  ])('refuses %s', (_, portions, code) => {
    const named = Object.entries(portions).map(([name, portion]) => [name === 'cai' ? cai : dana, portion]);
    expect(() => state(stated(ada!, Object.fromEntries(named) as Record<string, string>))).toThrow(refused(code));
  });

  test('refuses what fits neither type, a successor named twice, and a day to come', () => {
    const [a, , c, d] = parties();
    const twice = [1, 2].map(() => ({ party: c, portion: '1/2' }));
    for (const different of [
      { type: 'split' as const },
      { type: 'merger' as const, successors: [c, d].map((party) => ({ party, portion: '1/2' })) },
    ]) {
      expect(() => state(stated(a, { [c]: '1/1' }, different))).toThrow(refused('invalid_input', 'successors'));
    }
    expect(() => state(stated(a, {}, { type: 'split', successors: twice }))).toThrow(refused('shares_invalid'));
    expect(() => state(stated(a, { [c]: '1/1' }, { effectiveFrom: '2026-06-02' }))).toThrow(
      refused('effective_date_invalid'),
    );
    expect(() => state(stated(a, { [c]: '1/1' }, { jurisdiction: 'XX' }))).toThrow(refused('invalid_input'));
    expect(() => state(stated(a, { [newId('party')]: '1/1' }))).toThrow(refused('not_found', 'successors.0.party'));
    expect(() => state(stated(newId('party'), { [c]: '1/1' }), log.registry)).toThrow(refused('not_found'));
  });

  test('is no matter of people, nor of the registry itself', () => {
    const person = log.makeParty('person').id;
    expect(() => state(stated(person, { [ada!]: '1/1' }))).toThrow(refused('invalid_input', 'predecessor'));
    expect(() => state(stated(log.registry, { [ada!]: '1/1' }))).toThrow(refused('invalid_input', 'predecessor'));
    expect(() => state(stated(ada!, { [log.registry]: '1/1' }))).toThrow(
      refused('invalid_input', 'successors.0.party'),
    );
    merge(ada!, person);
  });
});

describe('a circular succession', () => {
  const circle = (...names: string[]) =>
    expect.objectContaining({
      code: 'succession_circular',
      message: `The succession is circular: ${names.join(' -> ')}.`,
    });

  test('to itself is refused', () => {
    const [a, b] = parties();
    expect(() => state(stated(a, { [a]: '1/1' }))).toThrow(circle(a, a));
    expect(() => state(stated(a, { [b]: '1/2', [a]: '1/2' }))).toThrow(circle(a, a));
  });

  test('back to where it came from is refused, directly and through several', () => {
    const [a, b, c, d] = parties();
    merge(a, b);
    expect(() => state(stated(b, { [a]: '1/1' }))).toThrow(circle(b, a, b));
    succeed(b, { [c]: '1/2', [d]: '1/2' });
    expect(() => state(stated(d, { [a]: '1/1' }))).toThrow(circle(d, a, b, d));
    expect(() => state(stated(d, { [a]: '1/1' }), log.registry)).toThrow(circle(d, a, b, d));
  });

  test('of two offers that cross the second is refused when it would come into force', () => {
    const [a, b, c] = parties();
    const [there, back] = [state(stated(a, { [b]: '1/1' })), state(stated(b, { [c]: '1/2', [a]: '1/2' }))];
    answer(c, back, 'accept');
    answer(b, there, 'accept');
    expect(() => answer(a, back, 'accept')).toThrow(circle(b, a, b));
    expect([log.get('succession', back)!.state, log.get('ended_party', b)]).toEqual(['offered', undefined]);
  });
});

describe('a party that has ended', () => {
  test('neither succeeds nor is succeeded again', () => {
    const [a, b, c, d] = parties();
    const late = state(stated(a, { [d]: '1/1' }));
    const joined = state(stated(c, { [a]: '1/2', [d]: '1/2' }));
    merge(a, b);
    expect(() => answer(d, late, 'accept')).toThrow(refused('party_ended', 'predecessor'));
    expect(() => answer(d, joined, 'accept')).toThrow(refused('party_ended', 'successors.0.party'));
    expect(() => state(stated(a, { [c]: '1/1' }))).toThrow(refused('party_ended'));
    expect(() => state(stated(c, { [a]: '1/1' }))).toThrow(refused('party_ended'));
  });

  test('registers, offers, accepts, consents, licenses and claims nothing', () => {
    const [a, b, c, d] = parties();
    const license = { type: 'exclusive-license', actions: ['host'], territory: null, fieldOfUse: null, until: null };
    const toAda = offer(b, offered(assignment('1/4'), a));
    const ofAda = offer(a, offered(assignment('1/4'), c));
    const ofBen = offer(b, offered(license as Terms, c));
    act(c, ofBen, 'accept');
    merge(a, d);
    const ended = refused('party_ended', 'maker');
    expect(() => registerModel({ [a]: '1/1' })).toThrow(ended);
    expect(() => offer(a, offered(assignment('1/4'), c))).toThrow(ended);
    expect(() => act(a, toAda, 'accept')).toThrow(ended);
    expect(() => act(a, ofBen, 'consent')).toThrow(ended);
    expect(() => act(c, ofAda, 'accept')).toThrow(refused('party_ended', 'instrument'));
    const common = { maker: a, attestedBy: 'registry' as const, statedAt: at(DAY), basis: [statements.get(model)!] };
    const given = {
      registration: model,
      licensee: c,
      actions: ['infer' as const],
      constraints: { commercial: true, territory: null, fieldOfUse: null, maxCalls: null, seats: null },
      termsDigest: anyDigest(),
      notBefore: at(DAY),
      expiresAt: null,
      sublicensing: false,
      acceptBy: '2999-01-01T00:00:00.000Z',
    };
    expect(() => log.speak(grant, common, given)).toThrow(ended);
    expect(() => log.speak(adverseClaim, common, claimed(model))).toThrow(ended);
    expect([shareOf(a), shareOf(c)]).toEqual(['1/2', undefined]);
  });

  test('makes no statement of any kind that an owner makes', () => {
    const kinds = [...KINDS.values()].filter(({ aboutTitle }) => aboutTitle === true).map(({ kind }) => kind);
    expect(kinds.sort()).toEqual([
      ...[
        'adverse-claim',
        'adverse-claim-act',
        'behaviour',
        'dataset',
        'fingerprint',
        'grant',
        'grant-act',
        'instrument',
        'instrument-act',
      ],
      ...['license', 'license-withdrawal', 'market-record', 'model-signature', 'protection-record'],
      ...['registration', 'revocation'],
    ]);
  });

  test('is nobody to whom something is given, nor a first owner', () => {
    const [a, b, c] = parties();
    merge(a, c);
    expect(() => offer(b, offered(assignment('1/4'), a))).toThrow(refused('party_ended', 'counterparties.0'));
    expect(() => registerModel({ [b]: '1/2', [a]: '1/2' })).toThrow(refused('party_ended', 'owners.1.party'));
  });

  test('leaves its claims to its successors, who withdraw them', () => {
    const [a, b, c] = parties();
    const common = (maker: string, basis: Digest) => ({ maker, ...attested(maker), statedAt: at(DAY), basis: [basis] });
    const filed = log.speak(adverseClaim, common(a, statements.get(model)!), claimed(model));
    merge(a, b);
    const withdraw = (maker: string) =>
      log.speak(adverseClaimAct, common(maker, filed.statement), { claim: filed.id, act: 'withdraw', reason: null });
    expect(() => withdraw(c)).toThrow(refused('forbidden'));
    withdraw(b);
    expect(log.get('adverse_claim', filed.id)!.state).toBe('withdrawn');
  });
});

const claimed = (asset: string) => ({
  asset,
  contested: asset,
  share: '1/1',
  ground: 'contract' as const,
  documentDigest: null,
  executedOn: null,
  effectiveFrom: DAY,
  jurisdiction: null,
  grace: null,
  note: null,
  evidence: [],
});

describe('a transmission', () => {
  test('passes the whole share to who the predecessor merged into, at once and with nobody else', () => {
    const [a, b, c, d] = parties();
    const quorums = {
      assignment: '1/1',
      pledge: '1/1',
      option: '1/1',
      'priority-hold': '1/1',
      'exclusive-license': '1/1',
    };
    agree(a, { type: 'co-ownership', quorums }, b);
    const id = merge(a, c);
    const passed = transmit(c, id);
    expect([shareOf(a), shareOf(b), shareOf(c)]).toEqual(['0/1', '1/2', '1/2']);
    expect(log.get('instrument', passed)).toMatchObject({ state: 'recorded', accepted: [] });
    expect(log.get('instrument', passed)!.inForceIndex).toBe(log.get('instrument', passed)!.recordedIndex);
    // What the owners agreed on binds the successor.
    expect(act(d, offer(c, offered(assignment('1/2'), d)), 'accept')).toBeDefined();
    expect([shareOf(c), shareOf(d)]).toEqual(['1/2', undefined]);
  });

  test('adds to what the successor has, and divides by the portions of a split', () => {
    const [a, b, c, d] = parties();
    const id = succeed(a, { [d]: '1/5', [b]: '3/5', [c]: '1/5' });
    transmit(b, id);
    expect([shareOf(a), shareOf(b), shareOf(c), shareOf(d)]).toEqual(['0/1', '4/5', '1/10', '1/10']);
  });

  test('counts from the day of the succession, or of the title that passes', () => {
    const [a, , c, d] = parties();
    const [early, late] = ['2026-05-10', DAY];
    const id = succeed(a, { [c]: '1/1' }, { effectiveFrom: early });
    transmit(c, id);
    expect(log.get('title', model, c)!.effectiveFrom).toBe(early);
    agree(c, assignment('1/2'), d);
    const later = succeed(d, { [ben!]: '1/1' }, { effectiveFrom: early });
    expect(() => transmit(ben!, later, [], { effectiveFrom: early })).toThrow(refused('effective_date_invalid'));
    transmit(ben!, later);
    expect(log.get('title', model, ben!)!.effectiveFrom).toBe(late);
  });

  test('is offered by a successor, and by the successors of one that has ended', () => {
    const [a, b, c, d] = parties();
    const first = merge(a, c);
    for (const stranger of [b, d]) expect(() => transmit(stranger, first)).toThrow(refused('forbidden', 'maker'));
    expect(() => transmit(a, first)).toThrow(refused('party_ended'));
    const second = merge(c, d);
    expect(() => transmit(c, first)).toThrow(refused('party_ended'));
    transmit(d, first);
    transmit(d, second);
    expect([shareOf(a), shareOf(c), shareOf(d)]).toEqual(['0/1', '0/1', '1/2']);
  });

  test('happens once, of what there is, and by a succession in force', () => {
    const [a, , c, d] = parties();
    const open = state(stated(a, { [c]: '1/1' }));
    expect(() => transmit(c, open)).toThrow(refused('state_conflict', 'terms.succession'));
    answer(c, open, 'accept');
    transmit(c, open);
    expect(() => transmit(c, open)).toThrow(refused('state_conflict', 'asset'));
    expect(() => transmit(c, merge(d, c))).toThrow(refused('state_conflict', 'asset'));
  });

  test('states nothing but what follows from the succession', () => {
    const [a, b, c, d] = parties();
    const id = succeed(a, { [c]: '1/2', [d]: '1/2' });
    const honest = transmission(c, id);
    const { terms } = honest;
    const lying = (different: Partial<TransmissionTerms>) => ({
      terms: { ...terms, ...different } as TransmissionTerms,
    });
    const quarter = (party: string, share = '1/4') => ({ party, share });
    for (const [different, code, field] of [
      [lying({ shares: [quarter(c)] }), 'shares_invalid', 'terms.shares'],
      [lying({ shares: [] }), 'shares_invalid', 'terms.shares'],
      [lying({ shares: [quarter(c, '3/8'), quarter(d, '1/8')] }), 'shares_invalid', 'terms.shares'],
      [lying({ shares: [quarter(c), quarter(b)] }), 'shares_invalid', 'terms.shares'],
      [lying({ predecessor: b }), 'invalid_input', 'terms.predecessor'],
      [lying({ succession: newId('succession') }), 'not_found', 'terms.succession'],
      [{ counterparties: [a] }, 'counterparty_invalid', 'counterparties'],
      [{ documentDigest: anyDigest() }, 'digest_mismatch', 'documentDigest'],
      [{ documentDigest: null }, 'digest_mismatch', 'documentDigest'],
      [{ jurisdiction: 'FR' }, 'invalid_input', 'jurisdiction'],
      [{ executedOn: '2026-05-20' }, 'invalid_input', 'executedOn'],
      [{ lapsesAt: at('2026-07-01') }, 'invalid_input', 'lapsesAt'],
      [{ effectiveFrom: '2026-05-30' }, 'effective_date_invalid', 'effectiveFrom'],
    ] as const) {
      expect(() => transmit(c, id, [], different as Partial<InstrumentBody>)).toThrow(refused(code, field));
    }
    expect(() => offer(c, honest)).toThrow(refused('basis_stale'));
    transmit(c, id);
  });

  test('rounds where the exact parts would be too fine, and loses nothing', () => {
    const [a, b, c, d] = parties();
    model = registerModel({ [b]: '1/3', [a]: '2/3' });
    transmit(c, succeed(a, { [c]: '999983/1000000', [d]: '17/1000000' }));
    const [row, other] = [log.get('title', model, c)!, log.get('title', model, d)!];
    expect([row.shareDen <= 1_000_000, other.shareDen <= 1_000_000]).toEqual([true, true]);
    expect(row.shareNum * other.shareDen * 3 + other.shareNum * row.shareDen * 3).toBe(
      2 * row.shareDen * other.shareDen,
    );
  });

  test('once recorded is neither accepted nor withdrawn nor released', () => {
    const [a, , c] = parties();
    const passed = transmit(c, merge(a, c));
    for (const [by, doing] of [
      [a, 'accept'],
      [c, 'withdraw'],
      [c, 'release'],
    ] as const) {
      expect(() => act(by, passed, doing)).toThrow(expect.objectContaining({ name: 'RegistryError' }));
    }
    expect(() => act(c, passed, 'release')).toThrow(refused('state_conflict'));
  });
});

describe('what rests on a share that is transmitted', () => {
  const pledge = (share: string): Terms => ({ type: 'pledge', share, until: null });
  const option = (share: string): Terms => ({ type: 'option', share, until: null });
  const restsOn = (party: string) => log.get('encumbrance', model, party)?.interests ?? [];

  test('rests on the successor, before what it gave itself later, and is released there', () => {
    const [a, b, c, d] = parties();
    const lien = agree(a, pledge('1/4'), d);
    const own = agree(b, pledge('1/4'), c);
    const passed = transmit(b, merge(a, b));
    expect([restsOn(a), restsOn(b)]).toEqual([[], [lien, own]]);
    expect(log.get('interest', lien)).toMatchObject({ grantor: b, holder: d, endedIndex: null });
    expect(log.get('interest_passage', lien, passed)).toMatchObject({ grantor: b, holder: d, formerHolder: d });
    // Half of it is free, and no more.
    expect(() => agree(b, pledge('2/3'), c)).toThrow(refused('share_encumbered'));
    const sold = offer(b, offered(assignment('1/1'), d));
    act(d, sold, 'accept');
    expect(shareOf(d)).toBeUndefined();
    act(d, lien, 'release');
    expect(restsOn(b)).toEqual([own]);
  });

  test('goes with an option to the successor, who is asked to fulfil it', () => {
    const [a, , c, d] = parties();
    const given = agree(a, option('1/3'), d);
    transmit(c, merge(a, c));
    agree(c, assignment('1/3', given), d);
    expect([shareOf(c), shareOf(d), log.get('interest', given)!.endedIndex === null]).toEqual(['1/6', '1/3', false]);
  });

  test('rests after a split on the first successor whose share covers it', () => {
    const [a, b, c, d] = parties();
    const [large, small] = [agree(a, pledge('1/3'), b), agree(a, pledge('1/10'), b)];
    transmit(c, succeed(a, { [d]: '1/4', [c]: '3/4' }));
    expect([restsOn(c), restsOn(d)]).toEqual([[large], [small]]);
  });

  test('keeps a split from dividing a share that no successor covers', () => {
    const [a, b, c, d] = parties();
    const lien = agree(a, pledge('1/2'), b);
    const id = succeed(a, { [d]: '1/2', [c]: '1/2' });
    expect(() => transmit(c, id)).toThrow(refused('share_encumbered', 'terms.shares'));
    expect(shareOf(a)).toBe('1/2');
    act(b, lien, 'release');
    transmit(c, id);
    expect(shareOf(c)).toBe('1/4');
  });

  test('ends where who holds it comes to own the share', () => {
    const [a, b, c] = parties();
    const [given, other] = [agree(a, pledge('1/4'), b), agree(a, pledge('1/4'), c)];
    transmit(b, merge(a, b));
    expect(restsOn(b)).toEqual([other]);
    expect(log.get('interest', given)).toMatchObject({ holder: b, endedOn: DAY });
  });
});

describe('interests that the predecessor holds', () => {
  const pledge = (share: string): Terms => ({ type: 'pledge', share, until: null });
  const license = {
    type: 'exclusive-license',
    actions: ['host'],
    territory: null,
    fieldOfUse: null,
    until: null,
  } as Terms;

  test('pass to the first successor, who consents and releases in its place', () => {
    const [a, b, c, d] = parties();
    const lien = agree(a, pledge('1/2'), c);
    const sold = offer(a, offered(assignment('1/2'), b));
    act(b, sold, 'accept');
    const id = succeed(c, { [d]: '1/4', [b]: '3/4' });
    expect(() => act(d, sold, 'consent')).toThrow(refused('forbidden'));
    const passed = transmit(b, id, [lien]);
    expect(log.get('interest', lien)).toMatchObject({ grantor: a, holder: d });
    expect(log.get('interest_passage', lien, passed)).toMatchObject({ grantor: a, holder: d, formerHolder: c });
    act(d, sold, 'consent');
    expect(shareOf(b)).toBe('1/1');
  });

  test('that were forgotten follow later; what is not held is refused', () => {
    const [a, b, c, d] = parties();
    const [one, two, others] = [agree(a, pledge('1/8'), c), agree(a, pledge('1/8'), c), agree(b, pledge('1/8'), d)];
    const id = merge(c, d);
    transmit(d, id, [one]);
    for (const [named, code] of [
      [one, 'state_conflict'],
      [others, 'state_conflict'],
      [newId('instrument'), 'not_found'],
    ] as const) {
      expect(() => transmit(d, id, [named])).toThrow(refused(code, 'terms.interests.0'));
    }
    transmit(d, id, [two]);
    act(d, two, 'release');
    expect(log.get('encumbrance', model, a)!.interests).toEqual([one]);
  });

  test('in what a successor gave end, and an exclusive license goes on', () => {
    const [a, b, c] = parties();
    const lien = agree(a, pledge('1/4'), c);
    const licensed = offer(a, offered(license, c));
    act(c, licensed, 'accept');
    act(b, licensed, 'consent');
    transmit(a, merge(c, a), [lien, licensed]);
    expect([log.get('interest', lien)!.endedOn, log.get('encumbrance', model, a)!.interests]).toEqual([DAY, []]);
    expect(log.get('interest', licensed)).toMatchObject({ holder: a, endedIndex: null });
    expect(log.get('asset_terms', model)!.exclusive).toEqual([licensed]);
  });
});
