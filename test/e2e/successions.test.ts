/** Companies that merge and split, over HTTP: stated, accepted, and carried out asset by asset, with title proved through it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Digest } from '../../src/core/digest.ts';
import {
  adverseClaim,
  instrument,
  instrumentAct,
  registration,
  succession,
  successionAct,
} from '../../src/core/registry/index.ts';
import type { InstrumentBody } from '../../src/core/registry/instrument.ts';
import type { SuccessionBody } from '../../src/core/registry/succession.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { dateOf } from '../../src/core/title/dates.ts';
import type { SuccessionAct } from '../../src/core/title/succession-states.ts';
import type { Terms, TransmissionTerms } from '../../src/core/title/terms.ts';
import type { TestApp } from '../support/app.ts';
import { startTestApp } from '../support/app.ts';
import { anyDigest, modelOf } from '../support/bodies.ts';
import type { LogIdentity, Party } from '../support/client.ts';
import { Operator, Verifier } from '../support/client.ts';

let app: TestApp;
let operator: Operator;
let verifier: Verifier;
let registry: string;

beforeAll(async () => {
  app = await startTestApp();
  operator = await Operator.of(app.url, app.config.data);
  const log = await operator.read<LogIdentity>('/v1/log');
  verifier = new Verifier(log);
  registry = log.registryParty;
});
afterAll(() => app.close());

const today = () => dateOf(new Date().toISOString());
const company = (name: string) => operator.makeParty({ name, keyed: true });

const bodyOf = (predecessor: string, portions: [Party, string][], different: Partial<SuccessionBody> = {}) => ({
  type: portions.length === 1 ? ('merger' as const) : ('split' as const),
  predecessor,
  successors: portions.map(([{ id: party }, portion]) => ({ party, portion })),
  documentDigest: anyDigest(),
  effectiveFrom: today(),
  jurisdiction: 'DE',
  ...different,
});

const state = (by: Party, body: SuccessionBody) => by.post('/v1/successions', by.signedWrite(succession, body));

const answer = (by: Party, { id, statement }: Receipt, act: SuccessionAct) =>
  by.post(
    `/v1/successions/${id}/acts`,
    by.key === undefined ? { act } : by.signedWrite(successionAct, { succession: id, act, reason: null }, [statement]),
  );

async function succeed(from: Party, portions: [Party, string][]): Promise<{ stated: Receipt; body: SuccessionBody }> {
  const body = bodyOf(from.id, portions);
  const stated = (await state(from, body)).body as Receipt;
  for (const [party] of portions) expect((await answer(party, stated, 'accept')).status).toBe(201);
  return { stated, body };
}

async function register(owner: Party): Promise<Receipt> {
  return owner.made('/v1/models', owner.signedWrite(registration, modelOf(owner.id)));
}

function transmission(
  maker: Party,
  asset: string,
  { stated, body }: { stated: Receipt; body: SuccessionBody },
  shares: [Party, string][],
  interests: string[] = [],
): InstrumentBody & { terms: TransmissionTerms } {
  const { predecessor, successors, documentDigest, jurisdiction } = body;
  return {
    asset,
    terms: {
      type: 'transmission',
      succession: stated.id,
      predecessor,
      shares: shares.map(([{ id: party }, share]) => ({ party, share })),
      interests,
    },
    counterparties: [predecessor, ...successors.map(({ party }) => party)].filter((id) => id !== maker.id).sort(),
    documentDigest,
    executedOn: null,
    effectiveFrom: today(),
    jurisdiction,
    lapsesAt: null,
  };
}

const transmit = (maker: Party, model: Receipt, by: { stated: Receipt }, body: InstrumentBody) =>
  maker.post('/v1/instruments', maker.signedWrite(instrument, body, [model.statement, by.stated.statement].sort()));

const ownersOf = async (asset: string, query = '') => {
  const { owners } = await operator.read<{ owners: { party: string; share: string }[] }>(`/v1/titles/${asset}${query}`);
  return Object.fromEntries(owners.map(({ party, share }) => [party, share]));
};

describe('a merger', () => {
  it('ends the predecessor when the successor has signed, and moves no title until it is transmitted', async () => {
    const [old, heir] = [await company('Old Labs'), await company('Heir Group')];
    const model = await register(old);
    const body = bodyOf(old.id, [[heir, '1/1']]);
    const stated = (await state(old, body)).body as Receipt;
    const accepted = await answer(heir, stated, 'accept');
    expect(accepted.status).toBe(201);
    await verifier.receipt(accepted.body as Receipt);
    const { index } = accepted.body as Receipt;
    const shown = { state: 'recorded', maker: old.id, inForceIndex: index, acts: [{ act: 'accept', maker: heir.id }] };
    expect(await operator.read(`/v1/successions/${stated.id}`)).toMatchObject({ ...body, ...shown });
    for (const party of [old, heir]) {
      expect(await operator.read(`/v1/successions?party=${party.id}`)).toMatchObject([{ id: stated.id }]);
    }
    expect(await operator.read(`/v1/successions?predecessor=${heir.id}`)).toEqual([]);
    expect(await ownersOf(model.id)).toEqual({ [old.id]: '1/1' });
    expect(await operator.read(`/v1/parties/${old.id}`)).toMatchObject({ ended: { index, succession: stated.id } });
    expect(await operator.read(`/v1/parties/${heir.id}`)).toMatchObject({ ended: null });

    const refused = await old.post('/v1/models', old.signedWrite(registration, modelOf(old.id)));
    expect(refused.body).toMatchObject({ status: 409, code: 'party_ended', field: 'maker' });

    const moved = await transmit(
      heir,
      model,
      { stated },
      transmission(heir, model.id, { stated, body }, [[heir, '1/1']]),
    );
    expect(moved.status).toBe(201);
    const passed = moved.body as Receipt;
    expect(await ownersOf(model.id)).toEqual({ [heir.id]: '1/1' });
    expect(await ownersOf(model.id, `?known=${passed.index}`)).toEqual({ [old.id]: '1/1' });
    expect(await operator.read(`/v1/instruments/${passed.id}`)).toMatchObject({
      state: 'recorded',
      inForceIndex: passed.index,
      opposition: { status: 'undisputed' },
    });
    expect(await operator.read(`/v1/parties/${heir.id}/titles`)).toMatchObject({
      titles: [{ asset: model.id, share: '1/1' }],
    });
    expect(await operator.read(`/v1/parties/${old.id}/titles`)).toMatchObject({ titles: [] });
    expect(await operator.read(`/v1/parties/${old.id}/titles?known=${passed.index}`)).toMatchObject({
      titles: [{ asset: model.id, share: '1/1' }],
    });

    const { modelDigest } = await operator.read<{ modelDigest: Digest }>(`/v1/models/${model.id}`);
    const { matches } = await operator.read<{ matches: { owners: object[]; receipts: { transfers: Receipt[][] } }[] }>(
      `/v1/provenance/${modelDigest}`,
    );
    expect(matches[0]!.owners).toEqual([
      { party: heir.id, name: 'Heir Group', share: '1/1', sinceIndex: passed.index },
    ]);
    expect(matches[0]!.receipts.transfers.map((each) => each.map(({ id }) => id))).toEqual([[passed.id]]);
  });

  it('by the law of a country with a window passes title provisionally, and a claim against it contests it', async () => {
    const [old, heir, ada] = [await company('Old'), await company('Heir'), await company('Ada')];
    const model = await register(old);
    const body = bodyOf(old.id, [[heir, '1/1']], { jurisdiction: 'US' });
    const stated = (await state(old, body)).body as Receipt;
    await answer(heir, stated, 'accept');
    const moved = await transmit(
      heir,
      model,
      { stated },
      transmission(heir, model.id, { stated, body }, [[heir, '1/1']]),
    );
    const { id } = moved.body as Receipt;
    const opposition = async () =>
      (await operator.read<{ opposition: { status: string } }>(`/v1/instruments/${id}`)).opposition.status;
    expect(await opposition()).toBe('provisional');
    const claim = {
      asset: model.id,
      contested: id,
      share: '1/2',
      ground: 'contract' as const,
      documentDigest: null,
      executedOn: null,
      effectiveFrom: today(),
      jurisdiction: null,
      grace: null,
      note: null,
      evidence: [],
    };
    await ada.made(
      '/v1/claims',
      ada.signedWrite(adverseClaim, claim, [model.statement, (moved.body as Receipt).statement].sort()),
    );
    expect(await opposition()).toBe('contested');
    expect(await operator.read(`/v1/titles/${model.id}`)).toMatchObject({
      owners: [{ party: heir.id, opposition: { status: 'contested' } }],
    });
  });

  it('of a company that is gone is stated by the registrar, and the abstract says so', async () => {
    const [old, heir] = [await company('Gone'), await company('Receiver')];
    const model = await register(old);
    const body = bodyOf(old.id, [[heir, '1/1']]);
    expect((await state(heir, body)).body).toMatchObject({ status: 403, code: 'forbidden' });
    const stated = await operator.made('/v1/successions', body);
    expect(await operator.read(`/v1/successions/${stated.id}`)).toMatchObject({ maker: registry, state: 'offered' });
    expect((await answer(heir, stated, 'accept')).status).toBe(201);
    await transmit(heir, model, { stated }, transmission(heir, model.id, { stated, body }, [[heir, '1/1']]));
    const { instruments } = await operator.read<{ instruments: { gaps: string[] }[] }>(
      `/v1/titles/${model.id}/abstract`,
    );
    expect(instruments[0]!.gaps).toEqual([`the registrar stated the succession, which ${old.id} did not sign`]);
  });

  it('works between companies without keys', async () => {
    const [old, heir] = [await operator.makeParty({ name: 'Small' }), await operator.makeParty({ name: 'Large' })];
    const model = await old.made('/v1/models', modelOf(old.id));
    const body = bodyOf(old.id, [[heir, '1/1']]);
    const stated = await old.made('/v1/successions', body);
    expect((await answer(heir, stated, 'accept')).status).toBe(201);
    await heir.made('/v1/instruments', transmission(heir, model.id, { stated, body }, [[heir, '1/1']]));
    expect(await ownersOf(model.id)).toEqual({ [heir.id]: '1/1' });
  });

  it('that is circular is refused with its circle, and nothing is written', async () => {
    const [a, b, c] = [await company('A'), await company('B'), await company('C')];
    await succeed(a, [[b, '1/1']]);
    await succeed(b, [[c, '1/1']]);
    expect((await state(c, bodyOf(c.id, [[a, '1/1']]))).body).toMatchObject({
      status: 409,
      code: 'succession_circular',
      detail: `The succession is circular: ${[c, a, b, c].map(({ id }) => id).join(' -> ')}.`,
    });
    expect(await operator.read(`/v1/successions?predecessor=${c.id}`)).toEqual([]);
  });

  it('is answered under its own address alone', async () => {
    const [a, b] = [await company('A'), await company('B')];
    const [one, other] = [
      (await state(a, bodyOf(a.id, [[b, '1/1']]))).body as Receipt,
      (await state(a, bodyOf(a.id, [[b, '1/1']]))).body as Receipt,
    ];
    const write = b.signedWrite(successionAct, { succession: one.id, act: 'accept', reason: null }, [one.statement]);
    expect((await b.post(`/v1/successions/${other.id}/acts`, write)).body).toMatchObject({
      code: 'invalid_input',
      field: 'succession',
    });
    expect(
      (await b.post(`/v1/successions/succession_${'0'.repeat(26)}/acts`, { act: 'accept' })).status,
    ).toBeGreaterThanOrEqual(400);
    expect((await operator.get(`/v1/successions/succession_${'0'.repeat(26)}`)).status).toBe(404);
  });

  it('of two that cross at once comes into force one way', async () => {
    const [a, b] = [await company('A'), await company('B')];
    const [there, back] = [
      (await state(a, bodyOf(a.id, [[b, '1/1']]))).body as Receipt,
      (await state(b, bodyOf(b.id, [[a, '1/1']]))).body as Receipt,
    ];
    const answers = await Promise.all([answer(b, there, 'accept'), answer(a, back, 'accept')]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
    expect(answers.find(({ status }) => status === 409)!.body).toMatchObject({ code: 'succession_circular' });
  });
});

describe('a split', () => {
  it('divides a share, and the lien that the predecessor held goes to the first successor, then and not before', async () => {
    const [old, north, south, owner] = [
      await company('Old'),
      await company('North'),
      await company('South'),
      await company('Owner'),
    ];
    const [own, pledged] = [await register(old), await register(owner)];
    const terms: Terms = { type: 'pledge', share: '1/2', until: null };
    const offered = await owner.made(
      '/v1/instruments',
      owner.signedWrite(
        instrument,
        {
          asset: pledged.id,
          terms,
          counterparties: [old.id],
          documentDigest: null,
          executedOn: null,
          effectiveFrom: today(),
          jurisdiction: null,
          lapsesAt: null,
        },
        [pledged.statement],
      ),
    );
    const lien = { instrument: offered.id, act: 'accept' as const, reason: null };
    await old.made(`/v1/instruments/${offered.id}/acts`, old.signedWrite(instrumentAct, lien, [offered.statement]));
    const by = await succeed(old, [
      [south, '1/3'],
      [north, '2/3'],
    ]);
    const shares: [Party, string][] = [
      [south, '1/3'],
      [north, '2/3'],
    ];
    expect((await transmit(north, own, by, transmission(north, own.id, by, shares))).status).toBe(201);
    expect(await ownersOf(own.id)).toEqual({ [south.id]: '1/3', [north.id]: '2/3' });

    const moved = await transmit(north, pledged, by, transmission(north, pledged.id, by, [], [offered.id]));
    expect(moved.status).toBe(201);
    const { index } = moved.body as Receipt;
    const holders = async (query = '') =>
      (await operator.read<{ interests: { holder: string }[] }>(`/v1/titles/${pledged.id}${query}`)).interests.map(
        ({ holder }) => holder,
      );
    expect([await holders(), await holders(`?known=${index}`)]).toEqual([[south.id], [old.id]]);
    const held = async (party: Party, query = '') =>
      (await operator.read<{ interests: { instrument: string }[] }>(`/v1/parties/${party.id}/interests${query}`))
        .interests;
    expect(await held(south)).toMatchObject([{ instrument: offered.id, asset: pledged.id, holder: south.id }]);
    expect([await held(old), await held(north), await held(south, `?known=${index}`)]).toEqual([[], [], []]);
    expect(await held(old, `?known=${index}`)).toMatchObject([{ instrument: offered.id, holder: old.id }]);

    const release = { instrument: offered.id, act: 'release' as const, reason: null };
    const path = `/v1/instruments/${offered.id}/acts`;
    expect((await north.post(path, north.signedWrite(instrumentAct, release, [offered.statement]))).status).toBe(403);
    expect((await south.post(path, south.signedWrite(instrumentAct, release, [offered.statement]))).status).toBe(201);
    expect(await holders()).toEqual([]);
  });
});
