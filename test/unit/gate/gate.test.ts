/** A gate before a registry that is slow, silent or endless, and with settings that are none. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import jwt from 'jsonwebtoken';
import type { ErrorCode } from '../../../src/core/errors.ts';
import { RegistryError } from '../../../src/core/errors.ts';
import { statusListBytes } from '../../../src/core/licensing/status-list.ts';
import type { LicenseTokenClaims } from '../../../src/core/licensing/token-claims.ts';
import type { GateOptions, GateRequest, Purpose } from '../../../src/gate/index.ts';
import { refusalOf } from '../../../src/gate/answer.ts';
import { Gate } from '../../../src/gate/index.ts';
import { makeP256, newId } from '../../../src/platform/crypto.ts';
import { holderKey, makeProof } from '../../../src/tokens/dpop/index.ts';
import { signLicenseToken } from '../../../src/tokens/license-token/index.ts';
import { signStatusList } from '../../../src/tokens/status-list/index.ts';
import type { KeyPair } from '../tokens/fixture.ts';
import { AUDIENCE, claims, makeKey } from '../tokens/fixture.ts';

let key: KeyPair;
/** That the registry publishes */
let keys: KeyPair[];
let url: string;
/** Seconds by which a list is older than its answer */
let age: number;
let asked: string[];
let sent: number;
let endless: boolean;
/** In the place of a list */
let answered: string | undefined;

const seconds = () => Math.floor(Date.now() / 1000);
const list = (changed: Partial<Parameters<typeof signStatusList>[0]> = {}, signer = key) =>
  signStatusList(
    {
      ...{ issuer: url, uri: `${url}/statuslists/0`, issuedAt: seconds() - age, expiresAt: seconds() + 600, ttl: 60 },
      list: new Uint8Array(statusListBytes(1000)),
      ...changed,
    },
    signer,
  );

/** By whoever cannot sign. */
function altered(signed: string): string {
  const [header, payload, signature] = signed.split('.');
  const said = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { ttl: number };
  return [header, Buffer.from(JSON.stringify({ ...said, ttl: said.ttl + 1 })).toString('base64url'), signature].join(
    '.',
  );
}

const server = createServer((request, response) => {
  asked.push(request.url!);
  if (request.url === '/.well-known/jwks.json')
    return response.end(JSON.stringify({ keys: keys.map(({ jwk }) => jwk) }));
  if (!endless) return response.end(answered ?? list());
  const chunk = Buffer.alloc(65_536, 'a');
  const more = () => {
    while (!response.destroyed) {
      sent += chunk.length;
      if (!response.write(chunk)) return response.once('drain', more);
    }
    return undefined;
  };
  return more();
});

beforeAll(async () => {
  key = await makeKey();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  keys = [key];
  [age, asked, sent, endless, answered] = [0, [], 0, false, undefined];
});
afterEach(() => {
  jest.restoreAllMocks();
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const model = { id: claims.authorization_details[0]!.model.id };
const purpose = (): Purpose => ({ action: 'infer', commercial: true, territory: 'DE', fieldOfUse: 'speech' });
const gateOf = (changed: Partial<GateOptions> = {}) =>
  new Gate({ registry: url, audience: AUDIENCE, model, purpose, ...changed });

function tokenOf(changed: Partial<LicenseTokenClaims> = {}, signer = key): string {
  const [details] = claims.authorization_details;
  const constraints = { ...details!.constraints, max_calls: null };
  const now = seconds();
  const said = { ...claims, iss: url, iat: now, nbf: now, exp: now + 600, jti: newId('token') };
  const status = { status_list: { idx: 7, uri: `${url}/statuslists/0` } };
  return signLicenseToken(
    { ...said, status, authorization_details: [{ ...details!, constraints }], ...changed },
    signer,
  );
}
const asking = (token = tokenOf(), headers: GateRequest['headers'] = {}): GateRequest => ({
  ...{ method: 'GET', url: '/predict?x=1', headers: { authorization: `Bearer ${token}`, ...headers } },
});
const coded = (code: string, more: object = {}) => expect.objectContaining({ code, ...more });

describe('a gate', () => {
  test.each<[string, Partial<Record<keyof GateOptions, unknown>>]>([
    ['registry', { registry: 'registry.example' }],
    ['audience', { audience: undefined }],
    ['model', { model: {} }],
    ['purpose', { purpose: 'infer' }],
    ['publicUrl', { publicUrl: 'inference' }],
    // Each would be a check that is passed by everything.
    ['maxStaleness', { maxStaleness: Number(undefined) }],
    ['maxStaleness', { maxStaleness: Infinity }],
    ['maxLifetime', { maxLifetime: NaN }],
    ['usage.apiKey', { usage: { journal: 'x' } }],
    ['usage.blockCalls', { usage: { apiKey: 'x', journal: 'x', blockCalls: -1 } }],
    ['usage.reportSeconds', { usage: { apiKey: 'x', journal: 'x', reportSeconds: 1e9 } }],
  ])('is not made with a wrong %s', (field, changed) => {
    expect(() => gateOf(changed as Partial<GateOptions>)).toThrow(coded('configuration_invalid', { field }));
  });

  test('takes a use of which nobody says whether it is commercial for one that is', async () => {
    const [details] = claims.authorization_details;
    const constraints = { ...details!.constraints, max_calls: null, commercial: false };
    const token = tokenOf({ authorization_details: [{ ...details!, constraints }] });
    const said = { ...purpose(), commercial: false };
    await expect(gateOf({ purpose: () => said }).admit(asking(token))).resolves.toMatchObject({ status: 'valid' });
    const { action, territory, fieldOfUse } = said;
    const unsaid = { action, territory, fieldOfUse };
    await expect(gateOf({ purpose: () => unsaid as Purpose }).admit(asking(token))).rejects.toEqual(
      coded('use_not_licensed', { field: 'commercial' }),
    );
  });

  test.each<[string, string, () => string]>([
    ['altered', 'signature_invalid', () => altered(list())],
    ['of another number', 'status_list_invalid', () => list({ uri: `${url}/statuslists/1` })],
    ['of another registry', 'token_foreign', () => list({ issuer: 'https://attacker.example' })],
    ['of a time to come', 'status_list_invalid', () => list({ issuedAt: seconds() + 60 })],
    ['that is over', 'status_stale', () => list({ expiresAt: seconds() })],
    ['that is shorter than the index of the token', 'status_list_invalid', () => list({ list: new Uint8Array(1) })],
    ['that is a license token', 'token_malformed', () => tokenOf()],
    ['that is a zip bomb', 'status_list_invalid', () => list({ list: new Uint8Array(64 * 1024 * 1024) })],
  ])('believes no status list %s: altered status list', async (_, code, served) => {
    answered = served();
    await expect(gateOf().admit(asking())).rejects.toEqual(coded(code));
    // It is no fault of whoever asks.
    if (code.startsWith('status_'))
      expect(refusalOf(new RegistryError(code as ErrorCode, 'It is so.')).status).toBe(503);
  });

  test('goes by a bundle for as long as it states, without asking anybody', async () => {
    age = 100;
    const folder = await mkdtemp(join(tmpdir(), 'muniment-bundle-'));
    const path = join(folder, 'bundle.json');
    const bring = (uri = `${url}/statuslists/0`) =>
      writeFile(path, JSON.stringify({ jwks: { keys: [key.jwk] }, statusLists: { [uri]: list() } }));
    await bring();
    const gate = (maxStaleness: number) => gateOf({ bundle: path, maxStaleness });
    await expect(gate(110).admit(asking())).resolves.toMatchObject({ status: 'valid' });
    await expect(gate(99).admit(asking())).rejects.toEqual(coded('status_stale'));
    // Made before the list of the token was begun.
    await bring(`${url}/statuslists/1`);
    await expect(gate(110).admit(asking())).rejects.toEqual(coded('status_stale'));
    // To strangers neither says where it lies.
    const silent = (code: string) => coded(code, { message: expect.not.stringContaining(folder) });
    await writeFile(path, 'no bundle');
    await expect(gate(110).admit(asking())).rejects.toEqual(silent('configuration_invalid'));
    await rm(folder, { recursive: true });
    await expect(gate(110).admit(asking())).rejects.toEqual(silent('unreachable'));
    expect(asked).toEqual([]);
  });

  test('looks again before it calls what it knows too old', async () => {
    age = 2;
    const gate = gateOf({ maxStaleness: 4 });
    await gate.admit(asking());
    // Half of the staleness is over, not the whole; but the list was no new one when it came.
    await sleep(3200);
    await expect(gate.admit(asking())).resolves.toMatchObject({ status: 'valid' });
  });

  test('asks no more than twice in a second for a list that stays too old', async () => {
    age = 100;
    const gate = gateOf({ maxStaleness: 4 });
    for (let i = 0; i < 100; i++) await expect(gate.admit(asking())).rejects.toEqual(coded('status_stale'));
    expect(asked.length).toBeLessThan(8);
  });

  test('checks the signature of a list once, not at each request', async () => {
    const verify = jest.spyOn(jwt, 'verify');
    const gate = gateOf();
    for (let i = 0; i < 10; i++) await gate.admit(asking());
    expect(verify).toHaveBeenCalledTimes(11);
  });

  test('learns of a key that was made at once, as after a leak, from a list that is signed with it', async () => {
    const gate = gateOf({ maxStaleness: 4 });
    await gate.admit(asking());
    const next = await makeKey();
    keys = [key, next];
    answered = list({}, next);
    // Keys that were fetched just now are not fetched again.
    await sleep(10_200);
    answered = list({}, next);
    await expect(gate.admit(asking())).resolves.toMatchObject({ status: 'valid' });
  });

  test('goes on after a key was replaced and retired, though it keeps a list that was signed with that', async () => {
    const gate = gateOf({ maxStaleness: 3600 });
    await gate.admit(asking());
    const next = await makeKey();
    keys = [next];
    answered = list({}, next);
    // Keys that were fetched just now are not fetched again.
    await sleep(10_200);
    answered = list({}, next);
    await expect(gate.admit(asking(tokenOf({}, next)))).resolves.toMatchObject({ status: 'valid' });
    await expect(gate.admit(asking())).rejects.toEqual(coded('token_key_unknown'));
  });

  test('calls a list that is signed by an unknown key a fault of the list, not of the token', async () => {
    answered = list({}, await makeKey());
    await expect(gateOf().admit(asking())).rejects.toEqual(coded('status_list_invalid'));
  });

  test('takes no token that is bound to nothing as one that is', async () => {
    const token = tokenOf();
    await expect(gateOf().admit(asking(token, { authorization: `DPoP ${token}` }))).rejects.toEqual(
      coded('dpop_proof_invalid', { field: 'authorization' }),
    );
  });

  test('reads no more of an endless answer than a list can have', async () => {
    endless = true;
    await expect(gateOf().admit(asking())).rejects.toEqual(coded('unreachable'));
    expect(sent).toBeLessThan(32 * 1024 * 1024);
  });

  test('does not ask a registry that is not there again at each request', async () => {
    const fetch = jest.spyOn(globalThis, 'fetch').mockRejectedValue(new Error('refused'));
    const gate = gateOf();
    for (let i = 0; i < 100; i++) await expect(gate.admit(asking())).rejects.toEqual(coded('unreachable'));
    expect(fetch.mock.calls.length).toBeLessThan(5);
  });

  test('says of a registry that answers with no keys that it is not there', async () => {
    jest.spyOn(globalThis, 'fetch').mockImplementation(() => Promise.resolve(new Response('<html>')));
    await expect(gateOf().admit(asking())).rejects.toEqual(coded('unreachable'));
  });

  test('knows itself by its address, whether that ends with a slash or not', async () => {
    const holder = await holderKey(makeP256().pem);
    const token = tokenOf({ cnf: { jkt: holder.thumbprint } });
    for (const publicUrl of [AUDIENCE, `${AUDIENCE}/`]) {
      const gate = gateOf({ publicUrl });
      const request = { method: 'GET', url: `${AUDIENCE}/predict`, now: Date.now(), jti: newId('proof'), token };
      const dpop = await makeProof(holder, request);
      const asks = asking(token, { authorization: `DPoP ${token}`, dpop });
      await expect(gate.admit(asks)).resolves.toMatchObject({ status: 'valid' });
    }
  });

  test('takes no proof that it may have taken before it was started again: replayed DPoP proof', async () => {
    const holder = await holderKey(makeP256().pem);
    const token = tokenOf({ cnf: { jkt: holder.thumbprint } });
    const request = { method: 'GET', url: `${AUDIENCE}/predict`, jti: newId('proof'), token };
    const first = gateOf({ publicUrl: AUDIENCE });
    const dpop = await makeProof(holder, { ...request, now: Date.now() });
    const asks = asking(token, { authorization: `DPoP ${token}`, dpop });
    await expect(first.admit(asks)).resolves.toMatchObject({ status: 'valid' });
    await expect(first.admit(asks)).rejects.toEqual(coded('dpop_proof_replayed'));
    await sleep(1100);
    await expect(gateOf({ publicUrl: AUDIENCE }).admit(asks)).rejects.toEqual(coded('dpop_proof_invalid'));
  });
});
