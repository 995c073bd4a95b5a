import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GrantAct } from '../../../../src/core/licensing/grant-states.ts';
import type { Digest } from '../../../../src/core/digest.ts';
import {
  dataset,
  grant,
  grantAct,
  instrument,
  instrumentAct,
  modelSignature,
  registration,
} from '../../../../src/core/registry/index.ts';
import { manifestOf } from '../../../../src/core/registry/dataset.ts';
import type { InstrumentBody } from '../../../../src/core/registry/instrument.ts';
import { rootDigestOf } from '../../../../src/core/registry/model-signature.ts';
import { add, formatShare } from '../../../../src/core/share.ts';
import type { InstrumentAct } from '../../../../src/core/title/instrument-states.ts';
import type { Terms } from '../../../../src/core/title/terms.ts';
import { newId, sha256 } from '../../../../src/platform/crypto.ts';
import { modelOf } from '../../../support/bodies.ts';
import { anyDigest, TestLog } from '../../../support/test-log.ts';

const refused = (code: string) => expect.objectContaining({ code });
const DAY = '2026-06-01';
const at = (day: string) => `${day}T12:00:00.000Z`;

let log: TestLog;
let ada: string;
let ben: string;
let cai: string;
let model: string;
const statements = new Map<string, Digest>();

function makeParty(): string {
  const { id, statement } = log.makeParty();
  statements.set(id, statement);
  return id;
}

function registerModel(owners: Record<string, string>): string {
  const [maker] = Object.keys(owners) as [string];
  const body = modelOf(maker, { owners: Object.entries(owners).map(([party, share]) => ({ party, share })) });
  const made = log.speak(registration, { maker, attestedBy: 'registry', statedAt: at('2026-05-01') }, body);
  statements.set(made.id, made.statement);
  return made.id;
}

const assignment = (share: string, under: string | null = null): Terms => ({ type: 'assignment', share, under });

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

function offer(maker: string, body: InstrumentBody, common: { basis?: Digest[]; statedAt?: string } = {}): string {
  const title = log.get('title', body.asset, maker);
  const basis = [statements.get(body.asset)!, ...(title === undefined ? [] : [title.statement])];
  const made = log.speak(
    instrument,
    { maker, attestedBy: 'registry', statedAt: at(DAY), basis: [...new Set(basis)].sort(), ...common },
    body,
  );
  statements.set(made.id, made.statement);
  return made.id;
}

function act(maker: string, id: string, doing: InstrumentAct, common: { basis?: Digest[]; statedAt?: string } = {}) {
  const attestedBy = maker === log.registry ? {} : { attestedBy: 'registry' as const };
  const basis = [statements.get(id)!];
  const body = { instrument: id, act: doing, reason: null };
  return log.speak(instrumentAct, { maker, ...attestedBy, statedAt: at(DAY), basis, ...common }, body);
}

const transfer = (from: string, to: string, share: string) =>
  act(to, offer(from, offered(assignment(share), to)), 'accept');

const shareOf = (party: string, asset = model) => {
  const row = log.get('title', asset, party);
  return row === undefined ? undefined : `${row.shareNum}/${row.shareDen}`;
};
const stateOf = (id: string) => log.get('instrument', id)?.state;

beforeEach(() => {
  log = new TestLog();
  [ada, ben, cai] = [makeParty(), makeParty(), makeParty()];
  model = registerModel({ [ada]: '1/2', [ben]: '1/2' });
});

describe('an assignment', () => {
  test('moves the share when it is accepted, and not before', () => {
    const id = offer(ada, offered(assignment('1/3'), cai));
    expect([stateOf(id), shareOf(ada), shareOf(cai)]).toEqual(['offered', '1/2', undefined]);
    const { statement } = act(cai, id, 'accept');
    expect([stateOf(id), shareOf(ada), shareOf(ben), shareOf(cai)]).toEqual(['recorded', '1/6', '1/2', '1/3']);
    expect(log.get('title', model, cai)).toMatchObject({ statement, effectiveFrom: DAY });
  });

  test('leaves a row of nothing to who sold all, who then owns no more', () => {
    transfer(ada, cai, '1/2');
    expect(shareOf(ada)).toBe('0/1');
    expect(() => offer(ada, offered(assignment('1/4'), cai))).toThrow(refused('forbidden'));
    const { weights, name } = modelOf(ada);
    const body = {
      registration: model,
      name,
      fileDigest: weights.fileDigest,
      rootDigest: rootDigestOf(sha256, [weights.fileDigest]),
    };
    const common = { maker: ada, attestedBy: 'registry' as const, basis: [statements.get(model)!] };
    expect(() => log.speak(modelSignature, common, body)).toThrow(refused('signature_required'));
    expect(() => log.speak(grant, { ...common, id: newId('grant') }, grantBody(ben))).toThrow(refused('forbidden'));
  });

  test('passes on the right to end the grants: who gave one and sold all has it no more', () => {
    const common = (maker: string, of: Digest) => ({ maker, attestedBy: 'registry' as const, basis: [of] });
    const given = log.speak(grant, common(ada, statements.get(model)!), grantBody(cai));
    transfer(ada, ben, '1/2');
    const act = (maker: string, act: GrantAct) =>
      log.speak(grantAct, common(maker, given.statement), {
        ...{ grant: given.id, licensor: ada, licensee: cai, reason: '', effectiveAt: null },
        act,
      });
    expect(() => act(ada, 'withdraw')).toThrow(refused('forbidden'));
    act(ben, 'withdraw');
    expect(log.get('license_grant', given.id)).toMatchObject({ stage: 'withdrawn' });
  });

  test('of one share to two buyers goes to the first who accepts', () => {
    const [first, second] = [ben, cai].map((buyer) => offer(ada, offered(assignment('1/2'), buyer))) as [
      string,
      string,
    ];
    act(cai, second, 'accept');
    expect(() => act(ben, first, 'accept')).toThrow(refused('share_insufficient'));
    expect([shareOf(ada), shareOf(ben), shareOf(cai), stateOf(first)]).toEqual(['0/1', '1/2', '1/2', 'offered']);
  });

  test('refuses more than the maker holds', () => {
    expect(() => offer(ada, offered(assignment('2/3'), cai))).toThrow(refused('share_insufficient'));
  });

  test.each(['0', '0/1', '-1/4', '3/2', '0.5', '2/4'])('refuses a share of %s', (share) => {
    expect(() => offer(ada, offered(assignment(share), cai))).toThrow(refused('shares_invalid'));
  });

  test('refuses a denominator beyond the bound', () => {
    expect(() => offer(ada, offered(assignment(`1/${10 ** 15}`), cai))).toThrow(refused('share_too_fine'));
  });

  test('refuses a split that would be too fine, and names the nearest that fits', () => {
    transfer(ada, cai, '1/499979');
    const id = offer(ben, offered(assignment('1/3'), cai));
    let error: unknown;
    try {
      act(cai, id, 'accept');
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'share_too_fine' });
    const nearest = /is (\d+\/\d+)\./.exec((error as { fix: string }).fix)![1]!;
    transfer(ben, cai, nearest);
    expect(add(asShare(shareOf(ben)!), asShare(nearest))).toEqual({ num: 1n, den: 2n });
  });

  test('refuses a stranger to the title, and an assignment to oneself', () => {
    expect(() => offer(cai, offered(assignment('1/4'), ben))).toThrow(refused('forbidden'));
    expect(() => offer(ada, offered(assignment('1/4'), ada))).toThrow(refused('counterparty_invalid'));
    expect(() => offer(ada, offered(assignment('1/4'), [ben, cai]))).toThrow(refused('counterparty_invalid'));
    expect(() => offer(ada, offered(assignment('1/4'), newId('party')))).toThrow(refused('not_found'));
  });

  test('refuses an offer that builds on a title that has changed since', () => {
    const before = [statements.get(model)!, log.get('title', model, ada)!.statement];
    transfer(ada, cai, '1/8');
    expect(() => offer(ada, offered(assignment('1/8'), cai), { basis: [...new Set(before)] })).toThrow(
      refused('basis_stale'),
    );
  });

  test('counts from a day on which the maker owned, and which has come', () => {
    const early = { effectiveFrom: '2026-04-30' };
    const id = offer(ada, offered(assignment('1/4'), cai, early));
    expect(() => act(cai, id, 'accept')).toThrow(refused('effective_date_invalid'));
    expect(() => offer(ada, offered(assignment('1/4'), cai, { effectiveFrom: '2026-06-02' }))).toThrow(
      refused('effective_date_invalid'),
    );
    transfer(ada, cai, '1/4');
    const before = offer(cai, offered(assignment('1/4'), ben, { effectiveFrom: '2026-05-31' }));
    expect(() => act(ben, before, 'accept')).toThrow(refused('effective_date_invalid'));
  });

  test('refuses a document that is signed later than it is offered', () => {
    expect(() => offer(ada, offered(assignment('1/4'), cai, { executedOn: '2026-06-02' }))).toThrow(
      refused('invalid_input'),
    );
  });

  test('of a dataset passes the title of the holder who registered it', () => {
    const held = registerDataset(ada, ada);
    expect(shareOf(ada, held)).toBe('1/1');
    const id = offer(ada, offered(assignment('1/3'), ben, { asset: held }));
    act(ben, id, 'accept');
    expect([shareOf(ada, held), shareOf(ben, held)]).toEqual(['2/3', '1/3']);
  });

  test('of a dataset whose holder somebody else only names is refused', () => {
    const told = registerDataset(ada, ben);
    expect(shareOf(ben, told)).toBeUndefined();
    for (const party of [ada, ben]) {
      expect(() => offer(party, offered(assignment('1/3'), cai, { asset: told }))).toThrow(refused('forbidden'));
    }
  });
});

describe('who may do what about an offer', () => {
  test('is told by the offer: strangers, the maker and second acts are refused', () => {
    const id = offer(ada, offered(assignment('1/4'), cai));
    expect(() => act(ben, id, 'accept')).toThrow(refused('forbidden'));
    expect(() => act(ada, id, 'accept')).toThrow(refused('forbidden'));
    expect(() => act(ben, id, 'reject')).toThrow(refused('forbidden'));
    expect(() => act(cai, id, 'withdraw')).toThrow(refused('forbidden'));
    expect(() => act(cai, id, 'lapse')).toThrow(refused('forbidden'));
    expect(() => act(cai, id, 'release')).toThrow(refused('state_conflict'));
    expect(() => act(makeParty(), id, 'consent')).toThrow(refused('forbidden'));
    expect(() => act(cai, newId('instrument'), 'accept', { basis: [] })).toThrow(refused('not_found'));
    expect(() => act(cai, id, 'accept', { basis: [] })).toThrow(refused('basis_stale'));
  });

  test.each([
    ['withdraw', 'withdrawn', () => ada],
    ['reject', 'rejected', () => cai],
  ] as const)('%s ends it, and nothing is accepted any more', (doing, state, by) => {
    const id = offer(ada, offered(assignment('1/4'), cai));
    act(by(), id, doing);
    expect(stateOf(id)).toBe(state);
    expect(() => act(cai, id, 'accept')).toThrow(refused('state_conflict'));
    expect(() => act(by(), id, doing)).toThrow(refused('state_conflict'));
    expect(shareOf(ada)).toBe('1/2');
  });

  test('the registry lets it lapse when its time is over, and not before', () => {
    const id = offer(ada, offered(assignment('1/4'), cai, { lapsesAt: at('2026-06-10') }));
    expect(() => act(log.registry, id, 'lapse')).toThrow(refused('state_conflict'));
    expect(() => act(cai, id, 'accept', { statedAt: at('2026-06-11') })).toThrow(refused('instrument_lapsed'));
    act(log.registry, id, 'lapse', { statedAt: at('2026-06-11') });
    expect(stateOf(id)).toBe('lapsed');
    expect(() => act(cai, id, 'accept')).toThrow(refused('state_conflict'));
    expect(() => offer(ada, offered(assignment('1/4'), cai, { lapsesAt: at('2026-05-01') }))).toThrow(
      refused('invalid_input'),
    );
  });
});

describe('consents', () => {
  const quorums = { assignment: '2/3', pledge: '0', option: '0', 'priority-hold': '0', 'exclusive-license': '1/1' };

  test('a quorum that the owners agreed on is awaited', () => {
    model = registerModel({ [ada]: '1/3', [ben]: '1/3', [cai]: '1/3' });
    const agreement = offer(ada, offered({ type: 'co-ownership', quorums }, [ben, cai]));
    act(ben, agreement, 'accept');
    expect(stateOf(agreement)).toBe('offered');
    act(cai, agreement, 'accept');
    expect(stateOf(agreement)).toBe('recorded');

    const dana = makeParty();
    const id = offer(ada, offered(assignment('1/3'), dana));
    act(dana, id, 'accept');
    expect([stateOf(id), shareOf(dana)]).toEqual(['accepted', undefined]);
    expect(() => act(dana, id, 'consent')).toThrow(refused('forbidden'));
    act(ben, id, 'consent');
    expect([stateOf(id), shareOf(dana), shareOf(ada)]).toEqual(['recorded', '1/3', '0/1']);
  });

  test('an agreement that leaves out an owner waits for its consent', () => {
    model = registerModel({ [ada]: '1/3', [ben]: '1/3', [cai]: '1/3' });
    const agreement = offer(ada, offered({ type: 'co-ownership', quorums }, ben));
    act(ben, agreement, 'accept');
    expect(stateOf(agreement)).toBe('accepted');
    act(cai, agreement, 'consent');
    expect(stateOf(agreement)).toBe('recorded');
  });

  test('a consent may come before the acceptance, and counts once', () => {
    model = registerModel({ [ada]: '1/3', [ben]: '1/3', [cai]: '1/3' });
    const dana = makeParty();
    const id = offer(ada, offered(exclusive(), dana));
    act(ben, id, 'consent');
    expect(() => act(ben, id, 'consent')).toThrow(refused('state_conflict'));
    act(dana, id, 'accept');
    expect(stateOf(id)).toBe('accepted');
    act(cai, id, 'consent');
    expect(stateOf(id)).toBe('recorded');
  });

  test('a hold waits for the quorum of the owners, and for nobody to accept it', () => {
    const agreement = offer(
      ada,
      offered({ type: 'co-ownership', quorums: { ...quorums, 'priority-hold': '1/1' } }, ben),
    );
    act(ben, agreement, 'accept');
    const hold = offer(ada, offered({ type: 'priority-hold', share: '1/2', until: '2026-06-30' }, cai));
    expect([stateOf(hold), log.get('interest', hold)]).toEqual(['accepted', undefined]);
    expect(() => act(cai, hold, 'accept')).toThrow(refused('state_conflict'));
    expect(() => act(cai, hold, 'record')).toThrow(refused('state_conflict'));
    act(ben, hold, 'consent');
    expect([stateOf(hold), log.get('interest', hold)?.holder]).toEqual(['recorded', cai]);
  });

  test('are taken from those alone whose consent is missing', () => {
    const pledge = offer(ada, offered({ type: 'pledge', share: '1/4', until: null }, cai));
    act(cai, pledge, 'accept');
    const free = offer(ada, offered(assignment('1/4'), makeParty()));
    for (const needless of [ben, cai]) expect(() => act(needless, free, 'consent')).toThrow(refused('state_conflict'));
    expect(() => act(makeParty(), free, 'consent')).toThrow(refused('forbidden'));
  });

  test('that are not needed any more are waited for by nobody: a party to it has it recorded', () => {
    const lien = offer(ada, offered({ type: 'pledge', share: '1/2', until: null }, cai));
    act(cai, lien, 'accept');
    const dana = makeParty();
    const sale = offer(ada, offered(assignment('1/2'), dana));
    act(dana, sale, 'accept');
    expect(() => act(dana, sale, 'record')).toThrow(refused('state_conflict'));
    act(cai, lien, 'release');
    expect(() => act(ben, sale, 'record')).toThrow(refused('forbidden'));
    act(dana, sale, 'record');
    expect([stateOf(sale), shareOf(dana)]).toEqual(['recorded', '1/2']);
    expect(() => act(dana, sale, 'record')).toThrow(refused('state_conflict'));
  });

  test('of more owners than an offer can name bring it into force all the same', () => {
    const owners = Array.from({ length: 100 }, makeParty);
    model = registerModel(Object.fromEntries(owners.map((owner) => [owner, '1/100'])));
    const agreement = offer(owners[0]!, offered({ type: 'co-ownership', quorums }, owners[1]!));
    act(owners[1]!, agreement, 'accept');
    for (const owner of owners.slice(2)) act(owner, agreement, 'consent');
    expect(stateOf(agreement)).toBe('recorded');
  });

  test.each(['1/0', '3/2', 'all'])('refuses a quorum of %s', (assignment) => {
    const terms: Terms = { type: 'co-ownership', quorums: { ...quorums, assignment } };
    expect(() => offer(ada, offered(terms, ben))).toThrow(refused('shares_invalid'));
  });
});

describe('what rests on a share', () => {
  const pledge = (share: string, until: string | null = null): Terms => ({ type: 'pledge', share, until });

  test('a pledged share passes only with the consent of the lienholder, and then free of the lien', () => {
    const lien = offer(ada, offered(pledge('1/4'), cai));
    act(cai, lien, 'accept');
    expect(log.get('interest', lien)).toMatchObject({ kind: 'lien', grantor: ada, holder: cai, endedIndex: null });
    transfer(ada, ben, '1/4');

    const id = offer(ada, offered(assignment('1/4'), ben));
    act(ben, id, 'accept');
    expect(stateOf(id)).toBe('accepted');
    act(cai, id, 'consent');
    expect([stateOf(id), shareOf(ben)]).toEqual(['recorded', '1/1']);
    expect(log.get('interest', lien)).toMatchObject({ endedIndex: expect.any(Number) });
    expect(log.get('encumbrance', model, ada)).toMatchObject({ interests: [] });
  });

  test('nothing is pledged twice', () => {
    act(cai, offer(ada, offered(pledge('1/3'), cai)), 'accept');
    const second = offer(ada, offered(pledge('1/4'), ben));
    expect(() => act(ben, second, 'accept')).toThrow(refused('share_encumbered'));
    expect(stateOf(second)).toBe('offered');
  });

  test('a lien that was released, or whose day is over, is in nobody’s way', () => {
    const lien = offer(ada, offered(pledge('1/2'), cai));
    act(cai, lien, 'accept');
    expect(() => act(ada, lien, 'release')).toThrow(refused('forbidden'));
    act(cai, lien, 'release');
    expect(stateOf(lien)).toBe('released');
    expect(() => act(cai, lien, 'release')).toThrow(refused('state_conflict'));
    act(cai, offer(ada, offered(pledge('1/2', '2026-06-03'), cai)), 'accept');
    const id = offer(ada, offered(assignment('1/2'), ben));
    act(ben, id, 'accept', { statedAt: at('2026-06-04') });
    expect(shareOf(ben)).toBe('1/1');
  });

  test('a priority hold stands without being accepted, and keeps the share for the one it names', () => {
    const hold = offer(ada, offered({ type: 'priority-hold', share: '1/2', until: '2026-06-30' }, cai));
    expect([stateOf(hold), log.get('interest', hold)?.holder]).toEqual(['recorded', cai]);
    const late = offer(ada, offered(assignment('1/2'), ben));
    act(ben, late, 'accept');
    expect(stateOf(late)).toBe('accepted');
    const awaited = offer(ada, offered(assignment('1/2', hold), cai));
    act(cai, awaited, 'accept');
    expect([stateOf(awaited), shareOf(cai)]).toEqual(['recorded', '1/2']);
    expect(log.get('interest', hold)).toMatchObject({ endedIndex: expect.any(Number), endedOn: DAY });
    expect(() => act(cai, late, 'consent')).toThrow(refused('state_conflict'));
    expect(() => act(ben, late, 'record')).toThrow(refused('share_insufficient'));
  });

  test('an option ends with the assignment that fulfils it, and serves nobody else', () => {
    const option = offer(ada, offered({ type: 'option', share: '1/8', until: null }, cai));
    act(cai, option, 'accept');
    expect(() => offer(ada, offered(assignment('1/8', option), ben))).toThrow(refused('invalid_input'));
    act(cai, offer(ada, offered(assignment('1/8', option), cai)), 'accept');
    expect(log.get('interest', option)?.endedIndex).toEqual(expect.any(Number));
    expect(() => offer(ada, offered(assignment('1/8', option), cai))).toThrow(refused('invalid_input'));
  });
});

const exclusive = (different: Partial<Extract<Terms, { type: 'exclusive-license' }>> = {}): Terms => ({
  type: 'exclusive-license',
  actions: ['infer', 'host'],
  territory: ['DE', 'FR'],
  fieldOfUse: null,
  until: null,
  ...different,
});

const grantBody = (licensee: string, different: object = {}) => ({
  registration: model,
  licensee,
  actions: ['infer' as const],
  constraints: { commercial: true, territory: ['FR'], fieldOfUse: null, maxCalls: null, seats: null, ...different },
  termsDigest: anyDigest(),
  notBefore: at(DAY),
  expiresAt: null,
  sublicensing: false,
  acceptBy: '2999-01-01T00:00:00.000Z',
});

describe('an exclusive license', () => {
  let license: string;
  beforeEach(() => {
    license = offer(ada, offered(exclusive(), cai));
    act(cai, license, 'accept');
    act(ben, license, 'consent');
    expect(stateOf(license)).toBe('recorded');
  });
  const give = (different: object = {}, licensee = ben) =>
    log.speak(
      grant,
      { maker: ada, attestedBy: 'registry', statedAt: at(DAY), basis: [statements.get(model)!] },
      { ...grantBody(licensee), ...different },
    );

  test('keeps the owners from licensing the same again', () => {
    expect(() => give()).toThrow(refused('exclusive_license_stands'));
    expect(() => give({ actions: ['fine-tune'] })).not.toThrow();
    const abroad = grantBody(ben, { territory: ['US'] });
    expect(() => give(abroad)).not.toThrow();
    const everywhere = grantBody(ben, { territory: null });
    expect(() => give(everywhere)).toThrow(refused('exclusive_license_stands'));
  });

  test('leaves room for another one only where it does not reach', () => {
    const same = offer(ada, offered(exclusive({ territory: ['FR', 'IT'] }), ben));
    expect(() => act(ben, same, 'accept')).toThrow(refused('exclusive_license_stands'));
    const elsewhere = offer(ada, offered(exclusive({ territory: ['IT'] }), ben));
    act(ben, elsewhere, 'accept');
    expect([stateOf(same), stateOf(elsewhere)]).toEqual(['offered', 'recorded']);
  });

  test.each([
    ['territory', { territory: [] }],
    ['fieldOfUse', { fieldOfUse: '' }],
  ])('is not evaded by a limit that names nothing: %s', (member, limits) => {
    const { error } = grant.body.safeParse(grantBody(ben, limits));
    expect(error?.issues.map(({ path }) => path)).toEqual([['constraints', member]]);
  });

  test('is in the way of nobody but others: its holder may be given a grant within it', () => {
    expect(() => give({}, cai)).not.toThrow();
  });

  test('gives way once it is released', () => {
    act(cai, license, 'release');
    expect(log.get('interest', license)).toMatchObject({ endedOn: DAY });
    expect(log.get('asset_terms', model)).toMatchObject({ exclusive: [] });
    expect(() => give()).not.toThrow();
  });
});

/** The simplest thing that does the same: whole numbers of a share, no signatures, no rows. */
class Reference {
  readonly held = new Map<string, number>();
  readonly offers: { from: string; to: string; parts: number; open: boolean }[] = [];

  constructor(readonly whole: number) {}

  offer(from: string, to: string, parts: number): boolean {
    const possible = from !== to && parts > 0 && (this.held.get(from) ?? 0) >= parts;
    if (possible) this.offers.push({ from, to, parts, open: true });
    return possible;
  }

  accept(at: number, by: string): boolean {
    const offer = this.offers[at];
    if (offer === undefined || !offer.open || offer.to !== by || this.held.get(offer.from)! < offer.parts) return false;
    offer.open = false;
    this.held.set(offer.from, this.held.get(offer.from)! - offer.parts);
    this.held.set(by, (this.held.get(by) ?? 0) + offer.parts);
    return true;
  }

  close(at: number, by: string, doing: 'reject' | 'withdraw'): boolean {
    const offer = this.offers[at];
    if (offer === undefined || !offer.open || offer[doing === 'reject' ? 'to' : 'from'] !== by) return false;
    offer.open = false;
    return true;
  }
}

const asShare = (text: string) => {
  const [num, den] = text.split('/').map(BigInt) as [bigint, bigint];
  return { num, den };
};

test('any sequence of acts ends as a simple reference has it, and title adds up to one after each', () => {
  const PARTS = 60;
  const command = fc.oneof(
    fc.record({ do: fc.constant('offer' as const), by: fc.nat(3), to: fc.nat(3), parts: fc.nat(PARTS) }),
    fc.record({
      do: fc.constantFrom('accept' as const, 'reject' as const, 'withdraw' as const),
      by: fc.nat(3),
      at: fc.nat(6),
    }),
  );
  fc.assert(
    fc.property(fc.array(command, { maxLength: 25 }), (commands) => {
      log = new TestLog();
      const parties = Array.from({ length: 4 }, makeParty);
      model = registerModel({ [parties[0]!]: '1/1' });
      const reference = new Reference(PARTS);
      reference.held.set(parties[0]!, PARTS);
      const ids: string[] = [];
      for (const step of commands) {
        const by = parties[step.by]!;
        const attempt = () => {
          if (step.do !== 'offer') return ids[step.at] === undefined ? undefined : act(by, ids[step.at]!, step.do);
          const share = formatShare(add({ num: BigInt(step.parts), den: BigInt(PARTS) }, { num: 0n, den: 1n }));
          ids.push(offer(by, offered(assignment(share), parties[step.to]!)));
          return true;
        };
        const expected =
          step.do === 'offer'
            ? reference.offer(by, parties[step.to]!, step.parts)
            : step.do === 'accept'
              ? reference.accept(step.at, by)
              : reference.close(step.at, by, step.do);
        let done: unknown;
        try {
          done = attempt();
        } catch (error) {
          expect(error).toMatchObject({ name: 'RegistryError' });
        }
        expect([step, done !== undefined]).toEqual([step, expected]);
        let sum = { num: 0n, den: 1n };
        for (const party of parties) {
          const text = shareOf(party) ?? '0/1';
          expect(text).toBe(
            formatShare(add({ num: BigInt(reference.held.get(party) ?? 0), den: BigInt(PARTS) }, { num: 0n, den: 1n })),
          );
          sum = add(sum, asShare(text));
        }
        expect(sum).toEqual({ num: 1n, den: 1n });
      }
    }),
    { numRuns: 60 },
  );
});

function registerDataset(maker: string, holder: string): string {
  const made = log.speak(
    dataset,
    { maker, attestedBy: 'registry', statedAt: at('2026-05-01') },
    {
      name: 'd',
      version: newId('version'),
      ...manifestOf(sha256, [{ name: 'a', bytes: 1, digest: anyDigest() }]),
      originUrl: 'https://example.org/d',
      license: { expression: 'CC0-1.0', status: 'granted' },
      holder: { party: holder, nameCommitment: null },
      collection: null,
    },
  );
  statements.set(made.id, made.statement);
  return made.id;
}
