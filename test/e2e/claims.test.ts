/**
 * Adverse claims over HTTP: the story of an employee who registers first, claims that are refused, and what answers tell
 * of how sure a title is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Digest } from '../../src/core/digest.ts';
import type { AdverseClaimBody } from '../../src/core/registry/adverse-claim.ts';
import {
  adverseClaim,
  adverseClaimAct,
  instrument,
  instrumentAct,
  opening,
  registration,
  sealed,
} from '../../src/core/registry/index.ts';
import type { InstrumentBody } from '../../src/core/registry/instrument.ts';
import { sealCommitment } from '../../src/core/registry/sealed.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import { daysAfter, monthsAfter } from '../../src/core/title/dates.ts';
import { runFsck } from '../../src/ledger/fsck/index.ts';
import { newId, newNonce, sha256 } from '../../src/platform/crypto.ts';
import type { Provenance } from '../../src/provenance/provenance.schema.ts';
import type { ClaimView } from '../../src/titles/claim.schema.ts';
import type { InstrumentView, TitleView } from '../../src/titles/title.schema.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { anyDigest, anyWeights, datasetOf, digestOf, modelOf } from '../support/bodies.ts';
import type { Party } from '../support/client.ts';
import { Client, Operator } from '../support/client.ts';

// Machines that run several suites at once are slow.
jest.setTimeout(60_000);

let app: TestApp;
let operator: Operator;
let anybody: Client;
const today = new Date().toISOString().slice(0, 10);

beforeAll(async () => {
  app = await startTestApp({ env: { MUNIMENT_OPPOSITION_DAYS: '45' } });
  operator = await Operator.of(app.url, app.config.data);
  anybody = new Client(app.url);
});
afterAll(() => app.close());

const titleOf = (asset: string, query = '') => anybody.read<TitleView>(`/v1/titles/${asset}${query}`);
const sharesOf = ({ owners }: TitleView) => owners.map(({ party, share }) => [party, share]);

/** What a party seals, and how it opens it. */
async function seal(party: Party, digest: Digest) {
  const secret = { subject: 'evidence' as const, salt: newNonce(), digests: [digest] };
  const commitment = sealCommitment(sha256, { origin: party.origin, maker: party.id }, secret);
  const body = { subject: secret.subject, commitment };
  const made = await party.made('/v1/sealed', party.key === undefined ? body : party.signedWrite(sealed, body));
  return {
    ...made,
    open: () => {
      const opened = { sealed: made.id, commitment, ...secret };
      const path = `/v1/sealed/${made.id}/open`;
      return party.made(path, party.key === undefined ? opened : party.signedWrite(opening, opened, [made.statement]));
    },
  };
}

const claiming = (asset: string, different: Partial<AdverseClaimBody> = {}): AdverseClaimBody => ({
  asset,
  contested: asset,
  share: '1/1',
  ground: 'employment',
  documentDigest: anyDigest(),
  executedOn: null,
  effectiveFrom: today,
  jurisdiction: 'DE',
  grace: null,
  note: null,
  evidence: [],
  ...different,
});

const assigning = (asset: string, to: Party, different: Partial<InstrumentBody> = {}): InstrumentBody => ({
  asset,
  terms: { type: 'assignment', share: '1/1', under: null },
  counterparties: [to.id],
  documentDigest: anyDigest(),
  executedOn: null,
  effectiveFrom: today,
  jurisdiction: null,
  lapsesAt: null,
  ...different,
});

async function assign(from: Party, to: Party, body: InstrumentBody): Promise<Receipt> {
  const offered = await from.made('/v1/instruments', body);
  await to.made(`/v1/instruments/${offered.id}/acts`, { act: 'accept' });
  return offered;
}

/** Waits until a day that is named covers what was recorded last. */
async function published({ index }: Receipt): Promise<void> {
  for (;;) {
    const { treeSize } = await anybody.read<{ treeSize: number }>('/v1/log');
    if (treeSize > index) return;
    await sleep(50);
  }
}

/** A registry that has run for a year, by its own clock, since the entry at `index`. */
async function aYearAgo(index: number): Promise<void> {
  const { query } = await import('../support/postgres.ts');
  const url = `${app.database.superuserUrl}?options=${encodeURIComponent('-c session_replication_role=replica')}`;
  await query(url, `UPDATE ledger.statement SET recorded_at = recorded_at - interval '1 year' WHERE index = $1`, [
    index,
  ]);
}

describe('an employee registers first, the employer claims with an agreement that it sealed a year before', () => {
  let acme: Party;
  let eve: Party;
  let agreement: { digest: Digest; sealed: Awaited<ReturnType<typeof seal>> };
  let model: Receipt;
  let claim: Receipt;
  let before: TitleView;

  beforeAll(async () => {
    acme = await operator.makeParty({ name: 'Acme Labs', keyed: true });
    eve = await operator.makeParty({ name: 'Eve', keyed: true });
  });

  it('the employer seals the agreement; nobody learns of it', async () => {
    const digest = digestOf(Buffer.from('Employment agreement: what Eve makes at work belongs to Acme Labs.'));
    agreement = { digest, sealed: await seal(acme, digest) };
    await aYearAgo(agreement.sealed.index);
    expect((await anybody.get(`/v1/provenance/${digest}`)).status).toBe(404);
    expect((await eve.get(`/v1/sealed/${agreement.sealed.id}`)).status).toBe(404);
  });

  it('the employee registers a model as her own; the record is provisional, and nobody contests it', async () => {
    model = await eve.made('/v1/models', eve.signedWrite(registration, modelOf(eve.id)));
    before = await titleOf(model.id);
    expect(sharesOf(before)).toEqual([[eve.id, '1/1']]);
    expect(before.claims).toEqual({ sum: '0/1', standing: [], more: false });
    expect(before.opposition).toEqual({ status: 'provisional', windowEnds: daysAfter(today, 45) });
    expect(before.owners[0]!.opposition).toEqual(before.opposition);
  });

  it('the employer opens the seal and claims the whole', async () => {
    const opened = await agreement.sealed.open();
    const body = claiming(model.id, {
      documentDigest: agreement.digest,
      executedOn: monthsAfter(today, -12),
      note: 'Made at work, under the agreement.',
      evidence: [{ sealed: agreement.sealed.id, digest: agreement.digest }],
    });
    claim = await acme.made('/v1/claims', acme.signedWrite(adverseClaim, body, [model.statement, opened.statement]));
    const found = await anybody.read<ClaimView>(`/v1/claims/${claim.id}`);
    expect(found).toMatchObject({ ...body, evidence: expect.anything() as unknown });
    expect(found).toMatchObject({ claimant: acme.id, state: 'standing', acknowledged: [], acts: [], endedIndex: null });
    expect(found.evidence).toEqual([
      {
        sealed: agreement.sealed.id,
        digest: agreement.digest,
        subject: 'evidence',
        sealedIndex: agreement.sealed.index,
        sealedAt: expect.stringMatching(`^${Number(today.slice(0, 4)) - 1}-`) as unknown,
        openedIndex: opened.index,
      },
    ]);
  });

  it('the title shows both, with the evidence, and nothing has moved', async () => {
    const now = await titleOf(model.id);
    expect(sharesOf(now)).toEqual(sharesOf(before));
    expect(now.owners[0]!.changed).toEqual(before.owners[0]!.changed);
    expect(now.claims).toMatchObject({ sum: '1/1', more: false, standing: [{ id: claim.id, claimant: acme.id }] });
    const [{ evidence }] = now.claims.standing as [ClaimView];
    expect(evidence[0]!.sealedIndex).toBeLessThan(model.index);
    expect(now.opposition).toEqual({ status: 'contested', windowEnds: daysAfter(today, 45) });
    expect(now.owners[0]!.opposition.status).toBe('contested');
    const found = await anybody.read<Provenance>(`/v1/provenance/${agreement.digest}`);
    expect(found.possessions).toMatchObject([{ maker: acme.id, sealedIndex: agreement.sealed.index }]);
    const { weights } = await anybody.read<{ weights: { fileDigest: Digest } }>(`/v1/models/${model.id}`);
    const lookedUp = await anybody.read<Provenance>(`/v1/provenance/${weights.fileDigest}`);
    expect(lookedUp.matches[0]!.owners).toMatchObject([{ party: eve.id, share: '1/1' }]);
  });

  it('what was known before the claim is told as it was', async () => {
    const then = await titleOf(model.id, `?known=${claim.index}`);
    expect([then.claims.standing, then.opposition.status]).toEqual([[], 'provisional']);
    const earlier = await titleOf(model.id, `?effective=${daysAfter(today, -1)}`);
    expect(earlier.claims.standing).toEqual([]);
  });

  it('the employee acknowledges the claim: on record, and still nothing has moved', async () => {
    const body = { claim: claim.id, act: 'acknowledge' as const, reason: 'It was made at work.' };
    const path = `/v1/claims/${claim.id}/acts`;
    const said = await eve.made(path, eve.signedWrite(adverseClaimAct, body, [claim.statement]));
    const now = await titleOf(model.id);
    expect(sharesOf(now)).toEqual([[eve.id, '1/1']]);
    expect(now.claims.standing).toMatchObject([
      { state: 'acknowledged', acknowledged: [eve.id], acts: [{ act: 'acknowledge', recordedIndex: said.index }] },
    ]);
    const then = await titleOf(model.id, `?known=${said.index}`);
    expect(then.claims.standing).toMatchObject([{ state: 'standing', acknowledged: [], acts: [] }]);
  });

  it('an assignment that both sign moves the title; the claim is withdrawn', async () => {
    const offered = await eve.made(
      '/v1/instruments',
      eve.signedWrite(instrument, assigning(model.id, acme), [model.statement]),
    );
    const acceptance = { instrument: offered.id, act: 'accept' as const, reason: null };
    const acts = `/v1/instruments/${offered.id}/acts`;
    await acme.made(acts, acme.signedWrite(instrumentAct, acceptance, [offered.statement]));
    const body = { claim: claim.id, act: 'withdraw' as const, reason: null };
    const path = `/v1/claims/${claim.id}/acts`;
    const ended = await acme.made(path, acme.signedWrite(adverseClaimAct, body, [claim.statement]));
    const now = await titleOf(model.id);
    expect(sharesOf(now)).toEqual([[acme.id, '1/1']]);
    expect([now.claims.standing, now.opposition.status]).toEqual([[], 'provisional']);
    expect(await anybody.read<ClaimView>(`/v1/claims/${claim.id}`)).toMatchObject({
      state: 'withdrawn',
      endedIndex: ended.index,
    });
    expect((await titleOf(model.id, `?known=${ended.index}`)).claims.standing).toMatchObject([
      { state: 'acknowledged' },
    ]);
  });
});

describe('a claim to an earlier execution is refused', () => {
  const digest = anyDigest();
  let ada: Party;
  let ben: Party;
  let model: Receipt;
  const earlier = (different: Partial<AdverseClaimBody> = {}) =>
    claiming(model.id, {
      ground: 'earlier-execution',
      documentDigest: digest,
      executedOn: daysAfter(today, -10),
      jurisdiction: 'US',
      grace: { edition: '2026-11', rule: 'us-patent' },
      ...different,
    });
  let before: Awaited<ReturnType<typeof seal>>;
  let after: Awaited<ReturnType<typeof seal>>;
  const leaningOn = ({ id }: { id: string }) => ({ evidence: [{ sealed: id, digest }] });

  beforeAll(async () => {
    [ada, ben] = [await operator.makeParty(), await operator.makeParty({ name: 'Ben' })];
    before = await seal(ben, digest);
    model = await ada.made('/v1/models', modelOf(ada.id));
    after = await seal(ben, digest);
    for (const each of [before, after]) await each.open();
  });

  const refusal = async (party: Party, body: AdverseClaimBody) => {
    const { status, body: problem } = await party.post('/v1/claims', body);
    return [status, problem.code, problem.field] as unknown[];
  };

  it('by a stranger without evidence, and with the evidence of another', async () => {
    const stranger = await operator.makeParty({ name: 'Sal' });
    expect(await refusal(stranger, earlier())).toEqual([409, 'claim_unsupported', 'evidence']);
    expect(await refusal(stranger, earlier(leaningOn(before)))).toEqual([404, 'not_found', 'evidence.0']);
  });

  it('outside the window, and where the law knows none', async () => {
    const late = { ...leaningOn(before), executedOn: daysAfter(monthsAfter(today, -3), -1) };
    expect(await refusal(ben, earlier(late))).toEqual([409, 'grace_window_over', 'executedOn']);
    const german = { ...leaningOn(before), jurisdiction: 'DE' };
    expect(await refusal(ben, earlier(german))).toEqual([409, 'grace_window_none', 'grace']);
  });

  it('with a seal that is later than the registration', async () => {
    expect(await refusal(ben, earlier(leaningOn(after)))).toEqual([409, 'claim_support_late', 'evidence']);
  });

  it('until all of that holds; and none of the refused is on record', async () => {
    const { id } = await ben.made('/v1/claims', earlier(leaningOn(before)));
    expect((await anybody.read<ClaimView[]>(`/v1/claims?asset=${model.id}`)).map((each) => each.id)).toEqual([id]);
    expect(sharesOf(await titleOf(model.id))).toEqual([[ada.id, '1/1']]);
  });
});

describe('a claim', () => {
  let ada: Party;
  let ben: Party;
  let model: Receipt;
  beforeAll(async () => {
    [ada, ben] = [await operator.makeParty(), await operator.makeParty({ name: 'Ben', keyed: true })];
    model = await ada.made('/v1/models', modelOf(ada.id));
  });

  it('by nobody, and with a key that may not speak of title, is refused', async () => {
    expect((await anybody.post('/v1/claims', claiming(model.id))).body).toMatchObject({ code: 'unauthenticated' });
    const reader = await operator.makeParty({ scopes: ['read'] });
    expect((await reader.post('/v1/claims', claiming(model.id))).body).toMatchObject({ code: 'scope_missing' });
  });

  it('of a party with a key is signed by it', async () => {
    expect((await ben.post('/v1/claims', claiming(model.id))).body).toMatchObject({ code: 'signature_required' });
  });

  it('that was signed two days ago is refused, as the window is counted to the day on which it was', async () => {
    const statedAt = new Date(Date.now() - 2 * 86_400_000).toISOString();
    const body = claiming(model.id, { effectiveFrom: statedAt.slice(0, 10) });
    const old = ben.signedWrite(adverseClaim, body, [model.statement], { statedAt });
    expect((await ben.post('/v1/claims', old)).body).toMatchObject({ code: 'invalid_input', field: 'statedAt' });
  });

  it('is not acted on through the address of another', async () => {
    const file = () => ben.made('/v1/claims', ben.signedWrite(adverseClaim, claiming(model.id), [model.statement]));
    const [one, other] = [await file(), await file()];
    const body = { claim: one.id, act: 'withdraw' as const, reason: null };
    const act = ben.signedWrite(adverseClaimAct, body, [one.statement]);
    expect((await ben.post(`/v1/claims/${other.id}/acts`, act)).body).toMatchObject({
      code: 'invalid_input',
      field: 'claim',
    });
    await ben.made(`/v1/claims/${one.id}/acts`, act);
  });

  it('adds up with others to more than the whole, and is listed by asset, claimant and state', async () => {
    const asset = await ada.made('/v1/models', modelOf(ada.id));
    const [cai, dee] = [await operator.makeParty({ name: 'Cai' }), await operator.makeParty({ name: 'Dee' })];
    const ids = [
      (await cai.made('/v1/claims', claiming(asset.id, { share: '2/3', ground: 'authorship' }))).id,
      (await dee.made('/v1/claims', claiming(asset.id, { share: '3/4', ground: 'data-rights' }))).id,
      (await cai.made('/v1/claims', claiming(asset.id, { share: '1/7', ground: 'contract' }))).id,
    ];
    const { claims, owners } = await titleOf(asset.id);
    expect([claims.sum, claims.standing.map(({ id }) => id)]).toEqual(['131/84', ids]);
    expect(owners.map(({ share }) => share)).toEqual(['1/1']);
    const listed = async (query: string) =>
      (await anybody.read<ClaimView[]>(`/v1/claims?${query}`)).map(({ id }) => id);
    expect(await listed(`asset=${asset.id}`)).toEqual(ids);
    expect(await listed(`claimant=${cai.id}`)).toEqual([ids[0], ids[2]]);
    await cai.made(`/v1/claims/${ids[0]}/acts`, { act: 'withdraw' });
    expect(await listed(`asset=${asset.id}&state=withdrawn`)).toEqual([ids[0]]);
    const [first] = await anybody.read<ClaimView[]>(`/v1/claims?asset=${asset.id}&limit=1`);
    expect(await listed(`asset=${asset.id}&after=${first!.recordedIndex}`)).toEqual(ids.slice(1));
    expect((await titleOf(asset.id)).claims.sum).toBe('25/28');
  });

  it('is filed against a dataset as well', async () => {
    const data = await ada.made(
      '/v1/datasets',
      datasetOf([{ name: 'a', bytes: Buffer.from('a') }], { holder: { name: null, party: ada.id } }),
    );
    await operator.makeParty().then((cai) => cai.made('/v1/claims', claiming(data.id, { ground: 'data-rights' })));
    const { claims, sameModel, opposition } = await titleOf(data.id);
    expect([claims.sum, sameModel, opposition.status]).toEqual(['1/1', [], 'contested']);
  });

  it('that nobody filed is not found', async () => {
    expect((await anybody.get(`/v1/claims/${newId('adverseclaim')}`)).body).toMatchObject({ code: 'not_found' });
  });
});

describe('a transfer', () => {
  it('is provisional as long as its law lets an earlier one be recorded late, and contested while a claim stands', async () => {
    const [ada, ben, cai] = [await operator.makeParty(), await operator.makeParty(), await operator.makeParty()];
    const model = await ada.made('/v1/models', modelOf(ada.id));
    const half = { type: 'assignment' as const, share: '1/2', under: null };
    const american = await assign(ada, ben, assigning(model.id, ben, { terms: half, jurisdiction: 'US' }));
    const german = await assign(ada, cai, assigning(model.id, cai, { terms: half, jurisdiction: 'DE' }));
    const shown = async (id: string) => (await anybody.read<InstrumentView>(`/v1/instruments/${id}`)).opposition;
    const windowEnds = monthsAfter(today, 3);
    expect(await shown(american.id)).toEqual({ status: 'provisional', windowEnds });
    expect(await shown(german.id)).toEqual({ status: 'undisputed', windowEnds: null });
    const offered = await ben.made('/v1/instruments', assigning(model.id, cai, { terms: half }));
    expect(await shown(offered.id)).toBeNull();

    const ownersAt = async (query: string) =>
      new Map((await titleOf(model.id, query)).owners.map(({ party, opposition }) => [party, opposition.status]));
    // Cai's own record is sure, but nothing is surer than the first record while its window is open.
    const bothAs = (status: string) => new Map([ben.id, cai.id].map((party) => [party, status]));
    expect(await ownersAt('')).toEqual(bothAs('provisional'));
    await published(offered);
    expect((await ownersAt(`?known=${daysAfter(today, 46)}`)).get(cai.id)).toBe('undisputed');
    expect((await ownersAt(`?known=${windowEnds}`)).get(ben.id)).toBe('provisional');
    expect((await ownersAt(`?known=${daysAfter(windowEnds, 1)}`)).get(ben.id)).toBe('undisputed');

    const claim = await cai.made('/v1/claims', claiming(model.id, { contested: american.id, share: '1/2' }));
    expect(await shown(american.id)).toEqual({ status: 'contested', windowEnds });
    await published(claim);
    expect((await ownersAt(`?known=${daysAfter(windowEnds, 1)}`)).get(ben.id)).toBe('contested');
    expect((await titleOf(model.id)).opposition.status).toBe('provisional');
    const abstract = await anybody.read<{ instruments: InstrumentView[] }>(`/v1/titles/${model.id}/abstract`);
    const listed = await anybody.read<InstrumentView[]>(`/v1/instruments?asset=${model.id}&state=recorded`);
    for (const instruments of [abstract.instruments, listed.reverse()]) {
      expect(instruments.map(({ opposition }) => opposition?.status)).toEqual(['contested', 'undisputed']);
    }
    await cai.made(`/v1/claims/${claim.id}/acts`, { act: 'withdraw' });
    expect(await shown(american.id)).toEqual({ status: 'provisional', windowEnds });
  });

  it('leaves the first record provisional until its own window is over', async () => {
    const ada = await operator.makeParty();
    const model = await ada.made('/v1/models', modelOf(ada.id));
    await published(model);
    const status = async (known: string) => (await titleOf(model.id, `?known=${known}`)).opposition.status;
    expect([await status(daysAfter(today, 45)), await status(daysAfter(today, 46))]).toEqual([
      'provisional',
      'undisputed',
    ]);
  });
});

it('registrations of the same model all stand, in the order of the log, each with what its maker sealed of it', async () => {
  const [ada, ben, cai] = [await operator.makeParty(), await operator.makeParty(), await operator.makeParty()];
  const weights = anyWeights();
  const known = await seal(ben, weights.weightDigest!);
  const first = await ada.made('/v1/models', modelOf(ada.id, { weights }));
  const second = await ben.made('/v1/models', modelOf(ben.id, { weights }));
  const renamed = { ...anyWeights(), namelessDigest: weights.namelessDigest };
  const third = await cai.made('/v1/models', modelOf(cai.id, { weights: renamed }));
  await ada.made('/v1/models', modelOf(ada.id));
  const opened = await known.open();
  for (const asked of [first, second, third]) {
    const { sameModel } = await titleOf(asked.id);
    expect(sameModel.map(({ registration, recordedIndex }) => [registration, recordedIndex])).toEqual(
      [first, second, third].map(({ id, index }) => [id, index]),
    );
    expect(sameModel.map(({ possessions }) => possessions.map(({ sealedIndex }) => sealedIndex))).toEqual([
      [],
      [known.index],
      [],
    ]);
  }
  const before = await titleOf(first.id, `?known=${opened.index}`);
  expect(before.sameModel[1]!.possessions).toEqual([]);
  const alone = await titleOf(first.id, `?known=${second.index}`);
  expect(alone.sameModel.map(({ registration }) => registration)).toEqual([first.id]);
});

it('all of it is rebuilt from the statements alone', async () => {
  const { findings } = await runFsck({ database: app.database, anchorDir: app.config.anchorDir, full: true });
  expect(findings).toEqual([]);
});
