/** Grants over HTTP: who gives them, who sees them, who ends them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { GrantBody } from '../../src/core/registry/grant.ts';
import { grant, grantAct } from '../../src/core/registry/index.ts';
import { GrantNotices } from '../../src/licenses/index.ts';
import { newId } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import { query } from '../support/postgres.ts';
import type { Party } from './tokens.fixture.ts';
import { answer, grantTo, makeParty, registrarOf, withKey } from './tokens.fixture.ts';

let app: TestApp;
let registrar: Party;
let owner: Party;
let licensee: Party;
let stranger: Party;
beforeAll(async () => {
  app = await startTestApp();
  registrar = await registrarOf(app);
  [owner, licensee, stranger] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
});
afterAll(() => app.close());

describe('a grant', () => {
  it('is shown to its two sides with what was agreed and the statement that a revocation builds on', async () => {
    const model = await owner.registerModel();
    const wanted = grantTo(model.id, licensee);
    const receipt = await owner.ok('POST', '/v1/grants', wanted);
    for (const side of [owner, licensee]) {
      expect(await side.ok('GET', `/v1/grants/${receipt.id}`)).toEqual({
        ...wanted,
        ...{ id: receipt.id, licensor: owner.id, state: 'offered', above: [], endsAt: null, renewedBy: null },
        ...{ statement: receipt.statement, recordedIndex: receipt.index, acts: [] },
      });
      expect(await side.ok('GET', `/v1/grants?registration=${model.id}`)).toHaveLength(1);
    }
  });

  it('is shown to registrar and auditors', async () => {
    const { id } = await owner.grant((await owner.registerModel()).id, licensee);
    const auditor = await makeParty(registrar, { roles: ['auditor'], scopes: ['read'] });
    for (const reader of [registrar, auditor]) {
      expect(await reader.ok('GET', `/v1/grants/${id}`)).toMatchObject({ id });
      expect(await reader.ok('GET', '/v1/grants')).toContainEqual(expect.objectContaining({ id }));
    }
  });

  it('answers a stranger exactly like a grant that is not there', async () => {
    const { id, statement } = await owner.grant((await owner.registerModel()).id, licensee);
    const missing = newId('grant');
    for (const [method, suffix, body] of [
      ['GET', '', undefined],
      ['POST', '/acts', { act: 'terminate' }],
    ] as const) {
      const [foreign, absent] = [
        await stranger.call(method, `/v1/grants/${id}${suffix}`, body),
        await stranger.call(method, `/v1/grants/${missing}${suffix}`, body),
      ];
      expect([foreign.status, foreign.body.code]).toEqual([404, 'not_found']);
      expect(foreign.body.detail.replace(id, missing)).toBe(absent.body.detail);
    }
    expect(await stranger.ok('GET', '/v1/grants')).toEqual([]);
    expect((await stranger.call('GET', `/v1/receipts/${statement}`)).status).toBe(404);
    expect((await answer(app, `/v1/receipts/${statement}`)).status).toBe(404);
    expect((await licensee.call('GET', `/v1/receipts/${statement}`)).status).toBe(200);
  });

  it('is given by an owner of the model alone', async () => {
    const model = await owner.registerModel();
    const refused = await stranger.call('POST', '/v1/grants', grantTo(model.id, stranger));
    expect([refused.status, refused.body.code]).toEqual([403, 'forbidden']);
  });

  it('is given by any of several owners', async () => {
    const owners = [owner, stranger].map(({ id }) => ({ party: id, share: '1/2' }));
    const model = await owner.registerModel(owners);
    const { id } = await stranger.grant(model.id, licensee);
    expect((await owner.call('GET', `/v1/grants/${id}`)).status).toBe(404);
    expect((await owner.call('POST', `/v1/grants/${id}/acts`, { act: 'suspend' })).status).toBe(201);
  });

  it.each<[string, object, string]>([
    ['an unknown action', { actions: ['everything'] }, 'actions.0'],
    ['no action', { actions: [] }, 'actions'],
    [
      'a territory that is no code',
      { constraints: { commercial: true, territory: ['Germany'], fieldOfUse: null, maxCalls: null, seats: null } },
      'constraints.territory.0',
    ],
    ['a term that ends before it begins', { expiresAt: '2025-01-01T00:00:00.000Z' }, 'expiresAt'],
    ['a date without milliseconds', { notBefore: '2026-01-01T00:00:00Z' }, 'notBefore'],
  ])('with %s is refused by name', async (_, changed, field) => {
    const { body } = await owner.call('POST', '/v1/grants', {
      ...grantTo((await owner.registerModel()).id, licensee),
      ...changed,
    });
    expect(body).toMatchObject({ status: 400, code: 'invalid_input' });
    expect(JSON.stringify(body)).toContain(field.split('.')[0]);
  });

  it('to nobody, or on nothing, is refused', async () => {
    const model = await owner.registerModel();
    const nobody = { ...grantTo(model.id, licensee), licensee: newId('party') };
    expect((await owner.call('POST', '/v1/grants', nobody)).body).toMatchObject({
      code: 'not_found',
      field: 'licensee',
    });
    const nothing = grantTo(newId('registration'), licensee);
    expect((await owner.call('POST', '/v1/grants', nothing)).body).toMatchObject({ code: 'not_found' });
  });

  it('needs the scope for it', async () => {
    const reading = await withKey(registrar, owner.id, ['read']);
    const { body } = await reading.call('POST', '/v1/grants', grantTo(newId('registration'), licensee));
    expect(body).toMatchObject({ status: 403, code: 'scope_missing' });
  });

  it('asked for twice under one idempotency key is one grant', async () => {
    const wanted = grantTo((await owner.registerModel()).id, licensee);
    const headers = { 'idempotency-key': newId('k') };
    const first = await owner.call('POST', '/v1/grants', wanted, headers);
    const again = await owner.call('POST', '/v1/grants', wanted, headers);
    expect([first.status, again.status, again.body.id]).toEqual([201, 201, first.body.id]);
  });
});

describe('a grant that was offered', () => {
  const offered = async (changed: Partial<GrantBody> = {}) =>
    (await owner.ok('POST', '/v1/grants', grantTo((await owner.registerModel()).id, licensee, changed))).id;
  const stateOf = async (id: string) => (await licensee.ok<{ state: string }>('GET', `/v1/grants/${id}`)).state;

  it('serves no token until its licensee, and nobody else, has accepted it', async () => {
    const id = await offered();
    expect((await licensee.token(id)).body).toMatchObject({ error: 'invalid_grant', code: 'state_conflict' });
    expect((await owner.call('POST', `/v1/grants/${id}/acts`, { act: 'accept' })).body).toMatchObject({
      code: 'forbidden',
      field: 'maker',
    });
    const accepted = await licensee.act(id, 'accept');
    expect(await stateOf(id)).toBe('active');
    for (const side of [owner, licensee]) await side.ok('GET', `/v1/receipts/${accepted.statement}`);
    expect((await stranger.call('GET', `/v1/receipts/${accepted.statement}`)).status).toBe(404);
    expect((await licensee.token(id)).status).toBe(200);
    const again = await licensee.call('POST', `/v1/grants/${id}/acts`, { act: 'accept' });
    expect(again).toMatchObject({ status: 409, body: { code: 'state_conflict', field: 'act' } });
  });

  it('is declined by the licensee, withdrawn by an owner, or lapses, and is then nothing any more', async () => {
    const [declined, withdrawn, lapsed] = [
      await offered(),
      await offered(),
      await offered({ acceptBy: new Date(Date.now() + 5000).toISOString() }),
    ];
    await licensee.act(declined, 'decline', { reason: 'too dear' });
    await owner.act(withdrawn, 'withdraw');
    while ((await stateOf(lapsed)) === 'offered') await new Promise((resolve) => setTimeout(resolve, 50));
    expect([await stateOf(declined), await stateOf(withdrawn), await stateOf(lapsed)]).toEqual([
      'declined',
      'withdrawn',
      'lapsed',
    ]);
    for (const id of [declined, withdrawn, lapsed]) {
      const late = await licensee.call('POST', `/v1/grants/${id}/acts`, { act: 'accept' });
      expect(late.body.code).toBe('state_conflict');
    }
  });
});

describe('the end of a grant', () => {
  it('is recorded by the licensor, once, and both sides can read it', async () => {
    const { id } = await owner.grant((await owner.registerModel()).id, licensee);
    const ended = await owner.act(id, 'terminate', { reason: 'contract ended' });
    const view = await licensee.ok<{ state: string; acts: object[] }>('GET', `/v1/grants/${id}`);
    expect(view).toMatchObject({ state: 'terminated', acts: [{ act: 'accept' }, { act: 'terminate' }] });
    for (const side of [owner, licensee]) await side.ok('GET', `/v1/receipts/${ended.statement}`);
    expect((await owner.call('POST', `/v1/grants/${id}/acts`, { act: 'terminate' })).body).toMatchObject({
      code: 'state_conflict',
    });
  });

  it('may be declared by the licensee, too, who cannot suspend it', async () => {
    const { id } = await owner.grant((await owner.registerModel()).id, licensee);
    const refused = await licensee.call('POST', `/v1/grants/${id}/acts`, { act: 'suspend' });
    expect(refused.body).toMatchObject({ code: 'forbidden' });
    await licensee.act(id, 'terminate', { reason: 'not needed' });
    expect(await owner.ok('GET', `/v1/grants/${id}`)).toMatchObject({ state: 'terminated' });
  });

  it('comes when its notice is over, never before it was given', async () => {
    const { id } = await owner.grant((await owner.registerModel()).id, licensee);
    const past = { act: 'terminate', effectiveAt: '2026-01-02T00:00:00.000Z' };
    expect((await owner.call('POST', `/v1/grants/${id}/acts`, past)).body).toMatchObject({ field: 'effectiveAt' });
    const effectiveAt = new Date(Date.now() + 6000).toISOString();
    await owner.act(id, 'terminate', { effectiveAt });
    expect(await licensee.ok('GET', `/v1/grants/${id}`)).toMatchObject({ state: 'active', endsAt: effectiveAt });
    const { body } = await licensee.token(id);
    expect(body.access_token).toBeDefined();
    const state = async () => (await licensee.ok<{ state: string }>('GET', `/v1/grants/${id}`)).state;
    while ((await state()) === 'active') await new Promise((resolve) => setTimeout(resolve, 50));
    expect(await state()).toBe('terminated');
    expect((await licensee.token(id)).body).toMatchObject({ error: 'invalid_grant' });
  });

  it('comes by itself with the term', async () => {
    const model = await owner.registerModel();
    const { id: over } = await owner.grant(model.id, licensee, { expiresAt: '2026-01-02T00:00:00.000Z' });
    const { id: ahead } = await owner.grant(model.id, licensee, { notBefore: '2126-01-01T00:00:00.000Z' });
    expect(await owner.ok('GET', `/v1/grants/${over}`)).toMatchObject({ state: 'expired' });
    expect(await owner.ok('GET', `/v1/grants/${ahead}`)).toMatchObject({ state: 'not-yet-valid' });
  });
});

it('a suspended grant serves no token and lets none pass, until it is resumed', async () => {
  const { id } = await owner.grant((await owner.registerModel()).id, licensee);
  const { body } = await licensee.token(id);
  const active = async () =>
    ((await licensee.form('/oauth/introspect', { token: body.access_token })).body as unknown as { active: boolean })
      .active;
  expect(await active()).toBe(true);
  await owner.act(id, 'suspend', { reason: 'invoice 17' });
  expect(await active()).toBe(false);
  expect(await licensee.ok('GET', `/v1/tokens/${body.jti}`)).toMatchObject({ state: 'suspended' });
  expect((await licensee.token(id)).body).toMatchObject({ code: 'state_conflict' });
  await owner.act(id, 'resume');
  expect(await active()).toBe(true);
});

describe('a sub-license', () => {
  it('is resumed by whoever suspended it, or by an owner', async () => {
    const { model, parent } = await parentTo(licensee);
    const { id } = await licensee.grant(model, stranger, { parent, ...sub });
    const stateOf = async () => (await owner.ok<{ state: string }>('GET', `/v1/grants/${id}`)).state;
    await licensee.act(id, 'suspend');
    await licensee.act(id, 'resume');
    await licensee.act(id, 'suspend');
    await owner.act(id, 'resume');
    expect(await stateOf()).toBe('active');
    await owner.act(id, 'suspend');
    await expect(licensee.act(id, 'resume')).rejects.toThrow(/403/);
    expect(await stateOf()).toBe('suspended');
    await owner.act(id, 'resume');
    expect(await stateOf()).toBe('active');
  });

  const sub = {
    actions: ['infer' as const],
    constraints: { commercial: true, territory: ['DE'], fieldOfUse: null, maxCalls: 10, seats: null },
  };
  const parentTo = async (holder: Party, changed: Partial<GrantBody> = {}) => {
    const model = await owner.registerModel();
    const { id } = await owner.grant(model.id, holder, { sublicensing: true, ...changed });
    return { model: model.id, parent: id };
  };

  it('is given by the licensee, is never wider than its parent, and is over when that is', async () => {
    const { model, parent } = await parentTo(licensee);
    const { id } = await licensee.grant(model, stranger, { parent, ...sub });
    const { body } = await stranger.token(id);
    expect(body.access_token).toBeDefined();
    for (const reader of [owner, licensee, stranger]) {
      expect(await reader.ok('GET', `/v1/grants/${id}`)).toMatchObject({ state: 'active', above: [parent] });
    }
    await owner.act(parent, 'suspend');
    expect(await stranger.ok('GET', `/v1/grants/${id}`)).toMatchObject({ state: 'suspended' });
    await owner.act(parent, 'resume');
    await owner.act(parent, 'terminate');
    expect(await stranger.ok('GET', `/v1/grants/${id}`)).toMatchObject({ state: 'terminated' });
    expect((await stranger.token(id)).body).toMatchObject({ error: 'invalid_grant' });
    expect(await stranger.ok('GET', `/v1/tokens/${body.jti}`)).toMatchObject({ state: 'revoked', revocation: null });

    // Its sides are told by a statement of the registry, once.
    await app.app.nest.get(GrantNotices).give();
    await app.app.nest.get(GrantNotices).give();
    const told = await query<{ notice: string; statement: string }>(
      app.database.superuserUrl,
      `SELECT notice, statement FROM registry.grant_notice WHERE grant_id = $1`,
      [id],
    );
    expect(told).toEqual([{ notice: 'parent-ended', statement: expect.any(String) }]);
    for (const side of [licensee, stranger]) await side.ok('GET', `/v1/receipts/${told[0]!.statement}`);
  });

  it.each<[string, Partial<GrantBody>, string, string]>([
    ['another action', { ...sub, actions: ['redistribute'] }, 'grant_too_wide', 'actions'],
    [
      'more calls',
      { ...sub, constraints: { ...sub.constraints, maxCalls: 1001 } },
      'grant_too_wide',
      'constraints.maxCalls',
    ],
    [
      'everywhere',
      { ...sub, constraints: { ...sub.constraints, territory: null } },
      'grant_too_wide',
      'constraints.territory',
    ],
    ['a longer term', { ...sub, expiresAt: null }, 'grant_too_wide', 'expiresAt'],
    ['an earlier begin', { ...sub, notBefore: '2025-01-01T00:00:00.000Z' }, 'grant_too_wide', 'notBefore'],
  ])('with %s than its parent is refused', async (_, changed, code, field) => {
    const { model, parent } = await parentTo(licensee, { expiresAt: '2030-01-01T00:00:00.000Z' });
    const wide = grantTo(model, stranger, { parent, expiresAt: '2029-01-01T00:00:00.000Z', ...changed });
    expect((await licensee.call('POST', '/v1/grants', wide)).body).toMatchObject({ code, field });
  });

  it('needs a parent that is the maker’s, in force, and allows it', async () => {
    const { model, parent } = await parentTo(licensee, { sublicensing: false });
    const under = (maker: Party, changed: object = {}) =>
      maker.call('POST', '/v1/grants', { ...grantTo(model, stranger, { parent, ...sub }), ...changed });
    expect((await under(licensee)).body).toMatchObject({ code: 'grant_too_wide', field: 'parent' });
    expect((await under(stranger)).body).toMatchObject({ code: 'forbidden', field: 'parent' });
    const open = await parentTo(licensee);
    await owner.act(open.parent, 'suspend');
    const late = grantTo(open.model, stranger, { parent: open.parent, ...sub });
    expect((await licensee.call('POST', '/v1/grants', late)).body).toMatchObject({ code: 'state_conflict' });
  });
});

describe('a renewal', () => {
  it('goes on from a grant without a gap, once', async () => {
    const model = await owner.registerModel();
    const [begins, ends, later] = ['2026-01-01', '2030-01-01', '2031-01-01'].map((day) => `${day}T00:00:00.000Z`);
    const { id: renews } = await owner.grant(model.id, licensee, { expiresAt: ends! });
    const renewal = (changed: Partial<GrantBody>) =>
      owner.call('POST', '/v1/grants', grantTo(model.id, licensee, { renews, ...changed }));
    const gap = await renewal({ notBefore: later!, expiresAt: null });
    expect(gap.body).toMatchObject({ code: 'invalid_input', field: 'renews' });
    expect((await renewal({ notBefore: begins!, expiresAt: ends! })).body).toMatchObject({ field: 'renews' });
    const [first, second] = [
      await renewal({ notBefore: ends!, expiresAt: later! }),
      await renewal({ notBefore: ends!, expiresAt: null }),
    ];
    await licensee.act(first.body.id, 'accept');
    expect(await owner.ok('GET', `/v1/grants/${renews}`)).toMatchObject({ state: 'active', renewedBy: first.body.id });
    const twice = await licensee.call('POST', `/v1/grants/${second.body.id}/acts`, { act: 'accept' });
    expect(twice.body).toMatchObject({ code: 'state_conflict', field: 'renews' });
  });

  it('of a sub-license goes on under what renews its parent, and under no other grant', async () => {
    const model = (await owner.registerModel()).id;
    const [ends, later] = ['2030-01-01T00:00:00.000Z', '2031-01-01T00:00:00.000Z'];
    const passed = { sublicensing: true, expiresAt: ends };
    const { id: parent } = await owner.grant(model, licensee, passed);
    const { id: part } = await licensee.grant(model, stranger, { parent, expiresAt: ends });
    const { id: other } = await owner.grant(model, licensee, { ...passed, expiresAt: later });
    const next = { notBefore: ends, expiresAt: later };
    const { id: renewed } = await owner.grant(model, licensee, { ...passed, ...next, renews: parent });
    const renewal = (renews: string, under: string) =>
      licensee.call('POST', '/v1/grants', grantTo(model, stranger, { renews, parent: under, ...next }));
    expect((await renewal(part, other)).body).toMatchObject({ code: 'invalid_input', field: 'renews' });
    // Nor does a licensee renew what the owner has given.
    const { id: own } = await owner.grant(model, stranger, { expiresAt: ends });
    expect((await renewal(own, other)).body).toMatchObject({ code: 'invalid_input', field: 'renews' });
    const { id: goesOn } = (await renewal(part, renewed)).body;
    await stranger.act(goesOn, 'accept');
    expect(await stranger.ok('GET', `/v1/grants/${part}`)).toMatchObject({ state: 'active', renewedBy: goesOn });
  });
});

it('the sides of a grant are told before it ends, by the most urgent notice alone', async () => {
  const model = await owner.registerModel();
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  const [soon, later, renewed, alone] = [
    await owner.grant(model.id, licensee, { expiresAt: inDays(3) }),
    await owner.grant(model.id, licensee, { expiresAt: inDays(40) }),
    await owner.grant(model.id, licensee, { expiresAt: inDays(3) }),
    await owner.grant(model.id, licensee, { expiresAt: inDays(20) }),
  ];
  const renew = (renews: string) =>
    owner.grant(model.id, licensee, { renews, notBefore: inDays(2), expiresAt: inDays(40) });
  await renew(renewed.id);
  // A renewal that has ended before it began lets nothing go on.
  await owner.act((await renew(alone.id)).id, 'terminate');
  await app.app.nest.get(GrantNotices).give();
  const told = await query<{ id: string; notice: string }>(
    app.database.superuserUrl,
    `SELECT grant_id AS id, notice FROM registry.grant_notice WHERE grant_id = ANY ($1)`,
    [[soon, later, renewed, alone].map(({ id }) => id)],
  );
  expect(told).toHaveLength(2);
  expect(told).toContainEqual({ id: soon.id, notice: 'expires-in-7-days' });
  expect(told).toContainEqual({ id: alone.id, notice: 'expires-in-30-days' });
});

describe('a party with a key of its own', () => {
  it('signs its grants and acts itself, and the registry signs none for it', async () => {
    const keyed = await makeParty(registrar);
    const model = await keyed.registerModel();
    await keyed.takeKey();
    const wanted = grantTo(model.id, licensee);
    expect((await keyed.call('POST', '/v1/grants', wanted)).body).toMatchObject({ code: 'signature_required' });

    const stale = await keyed.signed(grant, [], wanted);
    expect((await keyed.call('POST', '/v1/grants', stale)).body).toMatchObject({ code: 'basis_stale' });
    const given = await keyed.ok('POST', '/v1/grants', await keyed.signed(grant, [model.statement], wanted));

    const sides = { grant: given.id, licensor: keyed.id, licensee: licensee.id };
    const signed = await keyed.signed(grantAct, [given.statement], {
      ...sides,
      ...{ act: 'withdraw', reason: '', effectiveAt: null },
    });
    const other = await keyed.grant(model.id, licensee).catch(() => undefined);
    expect(other).toBeUndefined();
    const elsewhere = await owner.ok('POST', '/v1/grants', grantTo((await owner.registerModel()).id, keyed));
    expect((await keyed.call('POST', `/v1/grants/${elsewhere.id}/acts`, { act: 'accept' })).body).toMatchObject({
      code: 'signature_required',
    });
    expect((await keyed.call('POST', `/v1/grants/${elsewhere.id}/acts`, signed)).body).toMatchObject({
      code: 'invalid_input',
      field: 'grant',
    });
    expect((await licensee.call('POST', `/v1/grants/${given.id}/acts`, signed)).body).toMatchObject({
      code: 'forbidden',
    });
    expect((await keyed.call('POST', `/v1/grants/${given.id}/acts`, signed)).status).toBe(201);
    expect(await keyed.ok('GET', `/v1/grants/${given.id}`)).toMatchObject({ state: 'withdrawn' });
  });
});
