/** Instruments of title over HTTP: offered, accepted by their counterparties alone, and title at any moment of the past. */
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Digest } from '../../src/core/digest.ts';
import { instrument, instrumentAct, registration } from '../../src/core/registry/index.ts';
import type { InstrumentBody } from '../../src/core/registry/instrument.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import type { InstrumentAct } from '../../src/core/title/instrument-states.ts';
import type { Terms } from '../../src/core/title/terms.ts';
import { dateOf } from '../../src/core/title/dates.ts';
import { Ledger } from '../../src/ledger/index.ts';
import { Lapses } from '../../src/titles/lapses.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { anyDigest, datasetOf, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Operator, Verifier } from '../support/client.ts';
import { query } from '../support/postgres.ts';

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let ada: Party;
let ben: Party;
let cai: Party;
/** Without a key: the registry signs for it. */
let eve: Party;

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  verifier = new Verifier(await operator.read<LogIdentity>('/v1/log'));
  [ada, ben, cai] = [
    await operator.makeParty({ name: 'Ada', keyed: true }),
    await operator.makeParty({ name: 'Ben', keyed: true }),
    await operator.makeParty({ name: 'Cai', keyed: true }),
  ];
  eve = await operator.makeParty({ name: 'Eve' });
});
afterAll(() => app.close());

const today = () => dateOf(new Date().toISOString());

async function register(owner: Party, owners = [{ party: owner.id, share: '1/1' }]): Promise<Receipt> {
  const body = modelOf(owner.id, { owners });
  return owner.made('/v1/models', owner.key === undefined ? body : owner.signedWrite(registration, body));
}

const assignment = (share: string): Terms => ({ type: 'assignment', share, under: null });

const bodyOf = (asset: string, terms: Terms, to: Party, different: Partial<InstrumentBody> = {}): InstrumentBody => ({
  asset,
  terms,
  counterparties: [to.id],
  documentDigest: anyDigest(),
  executedOn: today(),
  effectiveFrom: today(),
  jurisdiction: 'DE',
  lapsesAt: null,
  ...different,
});

async function titleStatement(asset: string, party: string): Promise<Digest> {
  const [row] = await query<{ statement: Digest }>(
    app.database.superuserUrl,
    `SELECT statement FROM registry.title WHERE asset_id = $1 AND party_id = $2`,
    [asset, party],
  );
  return row!.statement;
}

async function offer(from: Party, { id, statement }: { id: string; statement: Digest }, body: InstrumentBody) {
  if (from.key === undefined) return from.made('/v1/instruments', body);
  const basis = [...new Set([statement, await titleStatement(id, from.id)])].sort();
  return from.made('/v1/instruments', from.signedWrite(instrument, body, basis));
}

const signedAct = (by: Party, { id, statement }: Receipt, act: InstrumentAct, common: object = {}) =>
  by.signedWrite(instrumentAct, { instrument: id, act, reason: null }, [statement], common);

const act = (by: Party, offered: Receipt, doing: InstrumentAct) =>
  by.post(`/v1/instruments/${offered.id}/acts`, by.key === undefined ? { act: doing } : signedAct(by, offered, doing));

const ownersOf = async (asset: string, query = '') => {
  const { owners } = await ada.read<{ owners: { party: string; share: string }[] }>(`/v1/titles/${asset}${query}`);
  return Object.fromEntries(owners.map(({ party, share }) => [party, share]));
};

describe('an assignment', () => {
  it('passes when the assignee has signed, with a proof of each step and the chain in the look-up', async () => {
    const model = await register(ada);
    const offered = await offer(ada, model, bodyOf(model.id, assignment('1/3'), ben));
    expect(await ada.read(`/v1/instruments/${offered.id}`)).toMatchObject({ state: 'offered', acts: [] });
    expect(await ownersOf(model.id)).toEqual({ [ada.id]: '1/1' });

    const accepted = await act(ben, offered, 'accept');
    expect(accepted.status).toBe(201);
    await verifier.receipt(accepted.body as Receipt);
    const { index } = accepted.body as Receipt;
    expect(await ada.read(`/v1/instruments/${offered.id}`)).toMatchObject({
      state: 'recorded',
      accepted: [ben.id],
      inForceIndex: index,
      acts: [{ act: 'accept', maker: ben.id, recordedIndex: index }],
    });
    expect(await ada.read(`/v1/titles/${model.id}`)).toMatchObject({
      owners: [
        { party: ada.id, name: 'Ada', share: '2/3', since: { instrument: null }, changed: { instrument: offered.id } },
        { party: ben.id, name: 'Ben', share: '1/3', since: { instrument: offered.id, index } },
      ],
      interests: [],
    });

    const { modelDigest } = await ada.read<{ modelDigest: Digest }>(`/v1/models/${model.id}`);
    const { matches } = await ada.read<{ matches: { owners: object[]; receipts: { transfers: Receipt[][] } }[] }>(
      `/v1/provenance/${modelDigest}`,
    );
    expect(matches[0]!.owners).toEqual([
      { party: ada.id, name: 'Ada', share: '2/3', sinceIndex: index },
      { party: ben.id, name: 'Ben', share: '1/3', sinceIndex: index },
    ]);
    const [[shown, acceptance]] = matches[0]!.receipts.transfers as [[Receipt, Receipt]];
    expect([shown.id, acceptance.index]).toEqual([offered.id, index]);
    for (const receipt of [shown, acceptance]) await verifier.receipt(receipt);
  });

  it('lets the one who sold everything license, sign and sell no more, and the buyer may', async () => {
    const model = await register(ada);
    const offered = await offer(ada, model, bodyOf(model.id, assignment('1/1'), ben));
    expect((await act(ben, offered, 'accept')).status).toBe(201);
    expect(await ownersOf(model.id)).toEqual({ [ben.id]: '1/1' });
    const again = ada.signedWrite(instrument, bodyOf(model.id, assignment('1/2'), cai), [model.statement]);
    expect((await ada.post('/v1/instruments', again)).body).toMatchObject({ status: 403, code: 'forbidden' });
    const owned = await ada.read<{ id: string }[]>(`/v1/models?owner=${ada.id}&limit=1000`);
    expect(owned.map(({ id }) => id)).not.toContain(model.id);
    const sold = await offer(ben, model, bodyOf(model.id, assignment('1/2'), cai));
    expect((await act(cai, sold, 'accept')).status).toBe(201);
  });

  it('of one share to two buyers at once goes to one of them', async () => {
    const model = await register(ada);
    const offers = await Promise.all(
      [ben, cai].map((buyer) => offer(ada, model, bodyOf(model.id, assignment('2/3'), buyer))),
    );
    const answers = await Promise.all([act(ben, offers[0]!, 'accept'), act(cai, offers[1]!, 'accept')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({
      code: 'share_insufficient',
      fix: expect.stringContaining('Read the title again') as unknown,
    });
    const owners = await ownersOf(model.id);
    expect(Object.values(owners).sort()).toEqual(['1/3', '2/3']);
  });

  it('works between parties without keys, and says that the registry signed', async () => {
    const fay = await operator.makeParty({ name: 'Fay' });
    const model = await register(eve);
    const offered = await offer(eve, model, bodyOf(model.id, assignment('1/2'), fay, { documentDigest: null }));
    expect((await act(fay, offered, 'accept')).status).toBe(201);
    const { instruments } = await ada.read<{ instruments: { gaps: string[] }[] }>(`/v1/titles/${model.id}/abstract`);
    expect(instruments[0]!.gaps.sort()).toEqual(
      [
        'no signed document is named',
        ...[eve, fay].map(({ id }) => `the registry signed for ${id}, which had no key`),
      ].sort(),
    );
  });

  it('of a dataset passes the title of its holder', async () => {
    const file = { name: 'a', bytes: new Uint8Array([1]) };
    const held = await eve.made('/v1/datasets', datasetOf([file], { holder: { name: null, party: eve.id } }));
    const offered = await offer(eve, held, bodyOf(held.id, assignment('1/4'), ben));
    expect((await act(ben, offered, 'accept')).status).toBe(201);
    expect(await ownersOf(held.id)).toEqual({ [eve.id]: '3/4', [ben.id]: '1/4' });
  });
});

describe('bad input writes nothing and says what is wrong', () => {
  let model: Receipt;
  let offered: Receipt;
  beforeAll(async () => {
    model = await register(ada);
    offered = await offer(ada, model, bodyOf(model.id, assignment('1/3'), ben));
  });
  const size = () => query(app.database.superuserUrl, `SELECT max(index) FROM ledger.statement`);

  it.each<[string, string, string, Partial<InstrumentBody>, number]>([
    ['a share of nothing', '0/1', 'shares_invalid', {}, 400],
    ['a negative share', '-1/3', 'shares_invalid', {}, 400],
    ['a share over one', '4/3', 'shares_invalid', {}, 400],
    ['a denominator of 10^18', `1/${10n ** 18n}`, 'shares_invalid', {}, 400],
    ['a share finer than the bound', '1/1000003', 'share_too_fine', {}, 400],
    ['a date that is none', '1/3', 'invalid_input', { effectiveFrom: '2026-02-30' }, 400],
    ['an effective date that is to come', '1/3', 'effective_date_invalid', { effectiveFrom: '2999-01-01' }, 400],
    ['a digest that is none', '1/3', 'invalid_input', { documentDigest: 'sha256:12' }, 400],
    ['a jurisdiction that is none', '1/3', 'invalid_input', { jurisdiction: 'Mars' }, 400],
    ['an asset that is not there', '1/3', 'not_found', { asset: `registration_${'0'.repeat(26)}` }, 404],
    ['a buyer that is not there', '1/3', 'not_found', { counterparties: [`party_${'0'.repeat(26)}`] }, 404],
  ])('%s', async (_, share, code, different, status) => {
    const before = await size();
    const answer = await eve.post('/v1/instruments', bodyOf(model.id, assignment(share), ben, different));
    expect(answer.body).toMatchObject({ code, status });
    expect(await size()).toEqual(before);
  });

  it('an assignment to oneself', async () => {
    const own = await register(eve);
    const answer = await eve.post('/v1/instruments', bodyOf(own.id, assignment('1/3'), eve));
    expect(answer.body).toMatchObject({ status: 400, code: 'counterparty_invalid', field: 'counterparties.0' });
  });

  it('an effective date before the maker owned', async () => {
    const early = await offer(ada, model, bodyOf(model.id, assignment('1/9'), ben, { effectiveFrom: '2020-01-01' }));
    expect((await act(ben, early, 'accept')).body).toMatchObject({ status: 400, code: 'effective_date_invalid' });
  });

  it('acceptance by a stranger, and by the maker', async () => {
    for (const other of [cai, ada, eve]) {
      expect((await act(other, offered, 'accept')).body).toMatchObject({ status: 403, code: 'forbidden' });
    }
  });

  it('acceptance of what the maker has withdrawn', async () => {
    const other = await offer(ada, model, bodyOf(model.id, assignment('1/9'), ben));
    expect((await act(ada, other, 'withdraw')).status).toBe(201);
    expect((await act(ben, other, 'accept')).body).toMatchObject({ status: 409, code: 'state_conflict' });
  });

  it('a forged signature, and a signature of another party', async () => {
    const signed = signedAct(ben, offered, 'accept');
    const forged = { ...signed, signatures: signatureOf(signedAct(ben, offered, 'reject')) };
    const path = `/v1/instruments/${offered.id}/acts`;
    expect((await ben.post(path, forged)).body).toMatchObject({ status: 401, code: 'signature_invalid' });
    expect((await cai.post(path, signed)).body).toMatchObject({ status: 403, code: 'forbidden' });
  });

  it('a statement about another instrument than the address', async () => {
    const other = await offer(ada, model, bodyOf(model.id, assignment('1/9'), ben));
    const answer = await ben.post(`/v1/instruments/${other.id}/acts`, signedAct(ben, offered, 'accept'));
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input', field: 'instrument' });
  });

  it('a statement that was signed at another time than it arrives', async () => {
    const answer = await ben.post(
      `/v1/instruments/${offered.id}/acts`,
      signedAct(ben, offered, 'accept', { statedAt: '2026-01-01T00:00:00.000Z' }),
    );
    expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input', field: 'statedAt' });
  });

  it('the same acceptance a second time', async () => {
    const other = await offer(ada, model, bodyOf(model.id, assignment('1/9'), ben));
    const signed = signedAct(ben, other, 'accept');
    expect((await ben.post(`/v1/instruments/${other.id}/acts`, signed)).status).toBe(201);
    const again = await ben.post(`/v1/instruments/${other.id}/acts`, signed);
    expect(again.body).toMatchObject({ status: 409, code: 'already_recorded' });
  });
});

describe('an offer with an end', () => {
  it('lapses on record when its time is over, and is accepted no more', async () => {
    const { registryParty } = await operator.read<LogIdentity>('/v1/log');
    const model = await register(ada);
    const lapsesAt = new Date(Date.now() + 1500).toISOString();
    const offered = await offer(ada, model, bodyOf(model.id, assignment('1/3'), ben, { lapsesAt }));
    const lapses = app.app.nest.get(Lapses);
    await lapses.record();
    expect(await ada.read(`/v1/instruments/${offered.id}`)).toMatchObject({ state: 'offered' });
    await setTimeout(Date.parse(lapsesAt) - Date.now() + 50);
    await Promise.all([lapses.record(), lapses.record()]);
    expect(await ada.read(`/v1/instruments/${offered.id}`)).toMatchObject({
      state: 'lapsed',
      acts: [{ act: 'lapse', maker: registryParty }],
    });
    expect((await act(ben, offered, 'accept')).body).toMatchObject({ status: 409, code: 'state_conflict' });
  });

  it('lapses whatever becomes of others, in time, too', async () => {
    const model = await register(eve);
    const lapsesAt = new Date(Date.now() + 8000).toISOString();
    const lapsing = bodyOf(model.id, assignment('1/1000'), ben, { lapsesAt });
    const offers = await Promise.all(Array.from({ length: 102 }, () => eve.made('/v1/instruments', lapsing)));
    const [stuck, ...others] = offers.map(({ id }) => id) as [string, ...string[]];
    await setTimeout(Math.max(0, Date.parse(lapsesAt) - Date.now()) + 50);
    const ledger = app.app.nest.get(Ledger);
    const attest = ledger.attest.bind(ledger);
    ledger.attest = (kind, attested, options) =>
      (attested.body as { instrument?: string }).instrument === stuck
        ? Promise.reject(new Error('the disk is full'))
        : attest(kind, attested, options);
    try {
      await expect(app.app.nest.get(Lapses).record()).rejects.toThrow('could not be recorded');
    } finally {
      ledger.attest = attest;
    }
    const stateOf = async (id: string) => (await ada.read<{ state: string }>(`/v1/instruments/${id}`)).state;
    expect(await stateOf(stuck)).toBe('offered');
    expect(new Set(await Promise.all(others.map(stateOf)))).toEqual(new Set(['lapsed']));
    await app.app.nest.get(Lapses).record();
    expect(await stateOf(stuck)).toBe('lapsed');
  });
});

describe('title at any moment', () => {
  it('is what was known at a size of the log, or by a time', async () => {
    const before = new Date().toISOString();
    const model = await register(ada);
    const sizes = [model.index + 1];
    for (const buyer of [ben, cai]) {
      const offered = await offer(ada, model, bodyOf(model.id, assignment('1/4'), buyer));
      sizes.push(((await act(buyer, offered, 'accept')).body as Receipt).index + 1);
    }
    expect(await ownersOf(model.id, `?known=${sizes[0]!}`)).toEqual({ [ada.id]: '1/1' });
    expect(await ownersOf(model.id, `?known=${sizes[1]!}`)).toEqual({ [ada.id]: '3/4', [ben.id]: '1/4' });
    expect(await ownersOf(model.id)).toEqual({ [ada.id]: '1/2', [ben.id]: '1/4', [cai.id]: '1/4' });
    expect(await ownersOf(model.id, '?effective=2020-01-01')).toEqual({});
    expect((await ada.get(`/v1/titles/${model.id}?known=${sizes[0]! - 1}`)).status).toBe(404);
    expect((await ada.get(`/v1/titles/${model.id}?known=${before}`)).status).toBe(404);
    expect((await ada.get(`/v1/titles/${model.id}?known=999999999`)).body).toMatchObject({ code: 'invalid_input' });
    expect((await ada.get(`/v1/titles/registration_${'0'.repeat(26)}`)).status).toBe(404);
  });

  it('shows what rests on it, and since when it does not any more', async () => {
    const model = await register(ada);
    const pledged = await offer(ada, model, bodyOf(model.id, { type: 'pledge', share: '1/2', until: null }, cai));
    const { index } = (await act(cai, pledged, 'accept')).body as Receipt;
    const resting = { instrument: pledged.id, kind: 'lien', grantor: ada.id, holder: cai.id };
    expect(await ada.read(`/v1/titles/${model.id}`)).toMatchObject({ interests: [resting] });

    const sold = await offer(ada, model, bodyOf(model.id, assignment('1/1'), ben));
    expect((await act(ben, sold, 'accept')).status).toBe(201);
    expect(await ada.read(`/v1/instruments/${sold.id}`)).toMatchObject({ state: 'accepted' });
    expect((await act(cai, sold, 'consent')).status).toBe(201);
    expect(await ownersOf(model.id)).toEqual({ [ben.id]: '1/1' });
    expect(await ada.read(`/v1/titles/${model.id}`)).toMatchObject({ interests: [] });
    expect(await ada.read(`/v1/titles/${model.id}?known=${index + 1}`)).toMatchObject({ interests: [resting] });
  });

  it('shows it on the days on which it stood, also after it ended', async () => {
    const statedAt = new Date(Date.now() - 23.9 * 3_600_000).toISOString();
    const later = new Date(Date.now() + 14 * 60_000).toISOString();
    const [then, from] = [dateOf(statedAt), { executedOn: dateOf(statedAt), effectiveFrom: dateOf(statedAt) }];
    const owners = [{ party: ada.id, share: '1/1' }];
    const early = ada.signedWrite(registration, modelOf(ada.id, { owners }), [], { statedAt });
    const model = await ada.made('/v1/models', early);
    const body = bodyOf(model.id, { type: 'pledge', share: '1/2', until: null }, cai, from);
    const pledged = await ada.made(
      '/v1/instruments',
      ada.signedWrite(instrument, body, [model.statement], { statedAt }),
    );
    const acts = `/v1/instruments/${pledged.id}/acts`;
    await cai.made(acts, signedAct(cai, pledged, 'accept', { statedAt }));
    await cai.made(acts, signedAct(cai, pledged, 'release', { statedAt: later }));
    const standing = async (query: string) =>
      (await ada.read<{ interests: object[] }>(`/v1/titles/${model.id}${query}`)).interests.length;
    expect([await standing(`?effective=${then}`), await standing(`?effective=${dateOf(later)}`)]).toEqual([1, 0]);
  });

  it('counts from no day that its maker makes up', async () => {
    const body = modelOf(ada.id, { owners: [{ party: ada.id, share: '1/1' }] });
    for (const hours of [-25, 1]) {
      const statedAt = new Date(Date.now() + hours * 3_600_000).toISOString();
      const answer = await ada.post('/v1/models', ada.signedWrite(registration, body, [], { statedAt }));
      expect(answer.body).toMatchObject({ status: 400, code: 'invalid_input', field: 'statedAt' });
    }
  });

  it('with more resting on it than a statement has places to name still moves', async () => {
    const model = await register(eve);
    const fay = await operator.makeParty();
    const terms = Array.from({ length: 50 }, (_, i): Terms[] => [
      { type: 'pledge', share: '1/100', until: null },
      { type: 'exclusive-license', actions: ['infer'], territory: null, fieldOfUse: `field ${i}`, until: null },
    ]);
    for (const each of terms.flat()) {
      const { id } = await eve.made('/v1/instruments', bodyOf(model.id, each, fay));
      await fay.made(`/v1/instruments/${id}/acts`, { act: 'accept' });
    }
    const { id } = await eve.made('/v1/instruments', bodyOf(model.id, assignment('1/2'), fay));
    await fay.made(`/v1/instruments/${id}/acts`, { act: 'accept' });
    expect(await ownersOf(model.id)).toEqual({ [eve.id]: '1/2', [fay.id]: '1/2' });
  });

  it('of a party is its portfolio, page by page, now and then', async () => {
    const holder = await operator.makeParty({ name: 'Holding', keyed: true });
    const models = await Promise.all(Array.from({ length: 5 }, () => register(holder)));
    const known = Math.max(...models.map(({ index }) => index)) + 1;
    const sold = await offer(holder, models[0]!, bodyOf(models[0]!.id, assignment('1/1'), ben));
    expect((await act(ben, sold, 'accept')).status).toBe(201);
    const all = async (query: string) => {
      const found: string[] = [];
      for (let after: string | null = ''; after !== null;) {
        const page: { titles: { asset: string }[]; next: string | null } = await ada.read(
          `/v1/parties/${holder.id}/titles?limit=2&after=${after}${query}`,
        );
        found.push(...page.titles.map(({ asset }) => asset));
        after = page.next;
      }
      return found;
    };
    const ids = models.map(({ id }) => id);
    expect(await all('')).toEqual(ids.slice(1).sort());
    expect(await all(`&known=${known}`)).toEqual(ids.sort());
    expect(await all('&effective=2020-01-01')).toEqual([]);
  });

  it('of others is in a portfolio, too, where the party has a right in it', async () => {
    const bank = await operator.makeParty({ name: 'Bank' });
    const model = await register(ada);
    const terms: Terms[] = [
      { type: 'pledge', share: '1/4', until: null },
      { type: 'option', share: '1/8', until: '9999-01-01' },
      { type: 'exclusive-license', actions: ['host'], territory: ['DE'], fieldOfUse: null, until: null },
    ];
    const given: string[] = [];
    for (const each of terms) {
      const offered = await offer(ada, model, bodyOf(model.id, each, bank));
      expect((await act(bank, offered, 'accept')).status).toBe(201);
      given.push(offered.id);
    }
    type Page = {
      known: number;
      interests: { instrument: string; asset: string; kind: string }[];
      next: string | null;
    };
    const all = async (query = '') => {
      const found: Page['interests'] = [];
      for (let after: string | null = ''; after !== null;) {
        const page: Page = await ada.read(`/v1/parties/${bank.id}/interests?limit=2&after=${after}${query}`);
        found.push(...page.interests);
        after = page.next;
      }
      return found;
    };
    const { known } = await ada.read<Page>(`/v1/parties/${bank.id}/interests`);
    expect((await all()).map(({ instrument }) => instrument)).toEqual([...given].sort());
    expect((await all()).find(({ instrument }) => instrument === given[2])).toMatchObject({
      asset: model.id,
      kind: 'exclusive-license',
      grantor: ada.id,
      effectiveFrom: today(),
    });
    await bank.made(`/v1/instruments/${given[0]!}/acts`, { act: 'release' });
    expect(await all()).toHaveLength(2);
    expect(await all(`&known=${known}`)).toHaveLength(3);
    expect(await all('&effective=2020-01-01')).toEqual([]);
  });

  it('of an asset is its abstract, with a proof of every statement', async () => {
    const model = await register(ada);
    const offered = await offer(ada, model, bodyOf(model.id, assignment('1/4'), ben, { jurisdiction: null }));
    await act(ben, offered, 'accept');
    const pending = await offer(ada, model, bodyOf(model.id, assignment('1/4'), cai));
    const abstract = await ada.read<{ first: { receipt: Receipt }; instruments: { receipts: Receipt[] }[] }>(
      `/v1/titles/${model.id}/abstract?receipts=true`,
    );
    expect(abstract).toMatchObject({
      first: { maker: ada.id, owners: [{ party: ada.id, share: '1/1' }], statement: model.statement },
      instruments: [{ id: offered.id, gaps: ['no governing law is stated'] }],
      next: null,
    });
    expect(JSON.stringify(abstract)).not.toContain(pending.id);
    const receipts = [abstract.first.receipt, ...abstract.instruments.flatMap(({ receipts }) => receipts)];
    expect(receipts).toHaveLength(3);
    for (const receipt of receipts) await verifier.receipt(receipt);
  });

  it('lists the offers that wait for a party', async () => {
    const model = await register(ada);
    const offered = await offer(ada, model, bodyOf(model.id, assignment('1/4'), ben));
    const waiting = await ben.read<{ id: string }[]>(`/v1/instruments?party=${ben.id}&state=offered&limit=1`);
    expect(waiting.map(({ id }) => id)).toEqual([offered.id]);
  });
});

const signatureOf = (envelope: object) => (envelope as { signatures: object[] }).signatures;
