/** Grants over HTTP: who gives them, who sees them, who ends them. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { grant, revocation } from '../../src/core/registry/index.ts';
import { newId } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
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
        id: receipt.id,
        licensor: owner.id,
        state: 'active',
        statement: receipt.statement,
        recordedIndex: receipt.index,
        revokedIndex: null,
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
      ['POST', '/revoke', { reason: 'mine now' }],
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
    expect((await owner.call('POST', `/v1/grants/${id}/revoke`, { reason: 'a co-owner may' })).status).toBe(201);
  });

  it.each<[string, object, string]>([
    ['an unknown action', { actions: ['everything'] }, 'actions.0'],
    ['no action', { actions: [] }, 'actions'],
    [
      'a territory that is no code',
      { constraints: { commercial: true, territory: ['Germany'], fieldOfUse: null, maxCalls: null } },
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

describe('the end of a grant', () => {
  it('is recorded by the licensor, once, and both sides can read it', async () => {
    const { id } = await owner.grant((await owner.registerModel()).id, licensee);
    const ended = await owner.call('POST', `/v1/grants/${id}/revoke`, { reason: 'contract ended' });
    expect(ended).toMatchObject({ status: 201, body: { kind: 'revocation' } });
    expect(await licensee.ok('GET', `/v1/grants/${id}`)).toMatchObject({
      state: 'revoked',
      revokedIndex: ended.body.index,
    });
    for (const side of [owner, licensee]) await side.ok('GET', `/v1/receipts/${ended.body.statement}`);
    expect((await owner.call('POST', `/v1/grants/${id}/revoke`, {})).body).toMatchObject({ code: 'state_conflict' });
  });

  it('is not for the licensee to declare', async () => {
    const { id } = await owner.grant((await owner.registerModel()).id, licensee);
    expect((await licensee.call('POST', `/v1/grants/${id}/revoke`, {})).body).toMatchObject({ code: 'forbidden' });
  });

  it('comes by itself with the term', async () => {
    const model = await owner.registerModel();
    const { id: over } = await owner.grant(model.id, licensee, { expiresAt: '2026-01-02T00:00:00.000Z' });
    const { id: ahead } = await owner.grant(model.id, licensee, { notBefore: '2126-01-01T00:00:00.000Z' });
    expect(await owner.ok('GET', `/v1/grants/${over}`)).toMatchObject({ state: 'expired' });
    expect(await owner.ok('GET', `/v1/grants/${ahead}`)).toMatchObject({ state: 'not-yet-valid' });
  });
});

describe('a party with a key of its own', () => {
  it('signs its grants and revocations itself, and the registry signs none for it', async () => {
    const keyed = await makeParty(registrar);
    const model = await keyed.registerModel();
    await keyed.takeKey();
    const wanted = grantTo(model.id, licensee);
    expect((await keyed.call('POST', '/v1/grants', wanted)).body).toMatchObject({ code: 'signature_required' });

    const stale = await keyed.signed(grant, [], wanted);
    expect((await keyed.call('POST', '/v1/grants', stale)).body).toMatchObject({ code: 'basis_stale' });
    const given = await keyed.ok('POST', '/v1/grants', await keyed.signed(grant, [model.statement], wanted));

    const back = { grant: given.id, licensor: keyed.id, licensee: licensee.id, token: null, reason: '' };
    const signed = await keyed.signed(revocation, [given.statement], back);
    const other = await keyed.grant(model.id, licensee).catch(() => undefined);
    expect(other).toBeUndefined();
    const elsewhere = await owner.grant((await owner.registerModel()).id, keyed);
    expect((await keyed.call('POST', `/v1/grants/${elsewhere.id}/revoke`, signed)).body).toMatchObject({
      code: 'invalid_input',
      field: 'grant',
    });
    expect((await licensee.call('POST', `/v1/grants/${given.id}/revoke`, signed)).body).toMatchObject({
      code: 'forbidden',
    });
    expect((await keyed.call('POST', `/v1/grants/${given.id}/revoke`, signed)).status).toBe(201);
    expect(await keyed.ok('GET', `/v1/grants/${given.id}`)).toMatchObject({ state: 'revoked' });
  });
});
