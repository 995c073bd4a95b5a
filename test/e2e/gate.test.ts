/** A service behind a gate: who is let in, for what, how often, and how soon nobody any more. */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, HttpException, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import Fastify from 'fastify';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { GrantBody } from '../../src/core/registry/grant.ts';
import type { GateOptions, Purpose } from '../../src/gate/index.ts';
import { expressGate, fastifyGate, Gate, nestGate } from '../../src/gate/index.ts';
import { newId } from '../../src/platform/crypto.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';
import type { Form, Party } from './tokens.fixture.ts';
import { makeParty, registrarOf } from './tokens.fixture.ts';

jest.setTimeout(60_000);

const AUDIENCE = 'https://inference.example';

let app: TestApp;
let owner: Party;
let licensee: Party;
let operator: Party;
let model: string;
let digest: string;
let folder: string;
const open: { close(): unknown }[] = [];

beforeAll(async () => {
  app = await startTestApp({ env: { MUNIMENT_STATUS_LIST_TTL_SECONDS: '20' } });
  const registrar = await registrarOf(app);
  [owner, licensee, operator] = [await makeParty(registrar), await makeParty(registrar), await makeParty(registrar)];
  const { id } = await owner.registerModel();
  model = id;
  ({
    weights: { weightDigest: digest },
  } = await owner.ok<{ weights: { weightDigest: string } }>('GET', `/v1/models/${id}`));
  folder = await mkdtemp(join(tmpdir(), 'muniment-gate-'));
});
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await app.close();
});

const gateOf = (options: Partial<GateOptions> = {}): Gate => {
  const gate = new Gate({
    ...{ registry: app.url, audience: AUDIENCE, model: { id: model } },
    purpose: ({ headers }): Purpose => ({
      ...{ action: 'infer', commercial: headers['x-commercial'] === 'yes', territory: 'DE' },
    }),
    ...options,
  });
  open.push(gate);
  return gate;
};
const metered = (options: Partial<GateOptions> = {}) =>
  gateOf({ usage: { apiKey: operator.apiKey, journal: join(folder, newId('journal')), blockCalls: 4 }, ...options });

async function serve(gate: Gate): Promise<string> {
  const check = expressGate(gate);
  const server: Server = createServer((request, response) => {
    check(request, response, (error) => {
      response.writeHead(error === undefined ? 200 : 500).end(JSON.stringify({ served: request.url }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  open.push({ close: () => (server.closeAllConnections(), new Promise((resolve) => server.close(resolve))) });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const grantOf = async (constraints: Partial<GrantBody['constraints']> = {}, more: Partial<GrantBody> = {}) =>
  (
    await owner.grant(model, licensee, {
      constraints: {
        commercial: false,
        territory: null,
        fieldOfUse: null,
        maxCalls: null,
        seats: null,
        ...constraints,
      },
      ...more,
    })
  ).id;
const tokenOf = async (grant: string, fields: Form = {}) =>
  (await licensee.token(grant, { audience: AUDIENCE, ...fields })).body;
const ask = (url: string, token?: string, headers: Record<string, string> = {}) =>
  fetch(`${url}/predict?x=1`, {
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
  });
const told = async (response: Response) => {
  const { code, field } = (await response.json()) as { code?: string; field?: string };
  return [response.status, code, ...(field === undefined ? [] : [field])];
};

describe('a service behind a gate', () => {
  it('lets in who has a license, and says to the others what is missing', async () => {
    const url = await serve(gateOf());
    const { access_token } = await tokenOf(await grantOf());
    expect((await ask(url, access_token)).status).toBe(200);
    const without = await ask(url);
    expect(without.headers.get('www-authenticate')).toBe('Bearer, DPoP algs="ES256"');
    expect(without.headers.get('content-type')).toBe('application/problem+json');
    expect(await told(without)).toEqual([401, 'unauthenticated']);
    expect(await told(await ask(url, 'a.b.c'))).toEqual([401, 'token_malformed', 'signature']);
    const elsewhere = (await tokenOf(await grantOf(), { audience: 'https://elsewhere.example' })).access_token;
    expect(await told(await ask(url, elsewhere))).toEqual([401, 'token_wrong_audience', 'aud']);
  });

  it.each<[string, Partial<GrantBody['constraints']>, Partial<GateOptions>, Record<string, string>, string]>([
    ['commercial use', {}, {}, { 'x-commercial': 'yes' }, 'commercial'],
    ['a country that was not granted', { territory: ['FR'] }, {}, {}, 'territory'],
    ['another purpose', { fieldOfUse: 'medicine' }, {}, {}, 'field_of_use'],
    [
      'a country that nobody told the gate',
      { territory: ['DE'] },
      { purpose: () => ({ action: 'infer', commercial: false }) },
      {},
      'territory',
    ],
    ['another action', {}, { purpose: () => ({ action: 'distill', commercial: false }) }, {}, 'action'],
    ['another model', {}, { model: { id: newId('registration') } }, {}, 'model'],
  ])('refuses the wrong purpose: %s', async (_, constraints, options, headers, field) => {
    const url = await serve(gateOf(options));
    const { access_token } = await tokenOf(await grantOf(constraints));
    expect(await told(await ask(url, access_token, headers))).toEqual([403, 'use_not_licensed', field]);
  });

  it('refuses other weights than the license is for, under the same id', async () => {
    const { access_token } = await tokenOf(await grantOf());
    expect((await ask(await serve(gateOf({ model: { id: model, digest } })), access_token)).status).toBe(200);
    const swapped = await serve(gateOf({ model: { id: model, digest: `sha256:${'0'.repeat(64)}` } }));
    expect(await told(await ask(swapped, access_token))).toEqual([403, 'use_not_licensed', 'model']);
  });

  it('refuses a token that ended, within the staleness that it states', async () => {
    const url = await serve(gateOf({ maxStaleness: 4 }));
    const grant = await grantOf();
    const [revoked, suspended] = [await tokenOf(grant), await tokenOf(await grantOf())];
    for (const { access_token } of [revoked, suspended]) expect((await ask(url, access_token)).status).toBe(200);
    await owner.ok('POST', `/v1/tokens/${revoked.jti}/revoke`, {});
    const began = Date.now();
    let last: Response;
    do {
      await new Promise((resolve) => setTimeout(resolve, 100));
      last = await ask(url, revoked.access_token);
    } while (last.status === 200 && Date.now() - began < 40_000);
    expect(await told(last)).toEqual([403, 'token_revoked', 'status']);
  });

  it('counts uses, and stops at the quota however many gates there are: over quota', async () => {
    const urls = await Promise.all([metered(), metered()].map(serve));
    const grant = await grantOf({ maxCalls: 10 });
    const { access_token } = await tokenOf(grant);
    const answers = await Promise.all(Array.from({ length: 25 }, (_, i) => ask(urls[i % 2]!, access_token)));
    const served = answers.filter(({ status }) => status === 200).length;
    // What one gate has leased the other cannot have.
    expect(served).toBeGreaterThanOrEqual(8);
    expect(served).toBeLessThanOrEqual(10);
    expect(await told(answers.find(({ status }) => status !== 200)!)).toEqual([429, 'quota_exceeded']);
    for (const each of open.splice(0).reverse()) await each.close();
    expect(await owner.ok('GET', `/v1/grants/${grant}/usage`)).toMatchObject({ calls: served, leased: 0 });
  });

  it('that counts nothing lets in no token that has a quota', async () => {
    const { access_token } = await tokenOf(await grantOf({ maxCalls: 10 }));
    expect(await told(await ask(await serve(gateOf()), access_token))).toEqual([500, 'configuration_invalid', 'usage']);
  });

  it('takes a token that is bound to a key with a proof for this very request, once', async () => {
    const url = await serve(gateOf({ publicUrl: AUDIENCE }));
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    const proof = (claims: object) =>
      new SignJWT({ jti: newId('proof'), ...claims })
        .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk })
        .setIssuedAt()
        .sign(privateKey);
    const dpop = await proof({ htm: 'POST', htu: `${app.url}/oauth/token` });
    const { body } = await licensee.token(await grantOf(), { audience: AUDIENCE }, { ...licensee.basic(), dpop });
    const ath = createHash('sha256').update(body.access_token).digest('base64url');
    const right = { htm: 'GET', htu: `${AUDIENCE}/predict`, ath };
    const authorization = `DPoP ${body.access_token}`;
    const shown = await proof(right);
    expect((await ask(url, '', { authorization, dpop: shown })).status).toBe(200);
    expect(await told(await ask(url, '', { authorization, dpop: shown }))).toEqual([401, 'dpop_proof_replayed', 'jti']);
    expect(await told(await ask(url, '', { authorization }))).toEqual([401, 'dpop_proof_missing', 'cnf']);
    expect(await told(await ask(url, body.access_token, { dpop: await proof(right) }))).toEqual([
      ...[401, 'dpop_proof_missing', 'cnf'],
    ]);
    const other = await proof({ ...right, htu: 'https://elsewhere.example/predict' });
    expect(await told(await ask(url, '', { authorization, dpop: other }))).toEqual([401, 'dpop_proof_invalid', 'htu']);
  });

  it('goes on while the registry cannot be reached, until what it knows is too old', async () => {
    const url = await serve(gateOf({ maxStaleness: 8 }));
    const { access_token } = await tokenOf(await grantOf());
    expect((await ask(url, access_token)).status).toBe(200);
    const real = globalThis.fetch;
    const cut = jest
      .spyOn(globalThis, 'fetch')
      .mockImplementation((input, init) =>
        (input as string).startsWith(app.url) ? Promise.reject(new Error('cut off')) : real(input, init),
      );
    try {
      expect((await ask(url, access_token)).status).toBe(200);
      await new Promise((resolve) => setTimeout(resolve, 10_000));
      expect(await told(await ask(url, access_token))).toEqual([503, 'status_stale', 'status']);
    } finally {
      cut.mockRestore();
    }
    // It does not ask again at once.
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect((await ask(url, access_token)).status).toBe(200);
  });

  it('works without a network by a bundle, and by the next one that is put in its place', async () => {
    const path = join(folder, 'bundle.json');
    const bring = async () => {
      const get = async (at: string) => fetch(app.url + at);
      const { status_lists: uris } = (await (await get('/statuslists')).json()) as { status_lists: string[] };
      const lists = await Promise.all(uris.map(async (uri) => [uri, await (await fetch(uri)).text()] as const));
      const jwks = await (await get('/.well-known/jwks.json')).json();
      await writeFile(path, JSON.stringify({ jwks, statusLists: Object.fromEntries(lists) }));
      await utimes(path, new Date(), new Date(Date.now() + ++brought * 1000));
    };
    let brought = 0;
    const { access_token, jti } = await tokenOf(await grantOf());
    await bring();
    const url = await serve(gateOf({ bundle: path }));
    expect((await ask(url, access_token)).status).toBe(200);
    await owner.ok('POST', `/v1/tokens/${jti}/revoke`, {});
    expect((await ask(url, access_token)).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1000));
    await bring();
    expect(await told(await ask(url, access_token))).toEqual([403, 'token_revoked', 'status']);
    await writeFile(path, 'no bundle');
    await utimes(path, new Date(), new Date(Date.now() + 99_000));
    expect(await told(await ask(url, access_token))).toEqual([500, 'configuration_invalid', 'bundle']);
  });
});

describe('a gate in front of', () => {
  it('Fastify', async () => {
    const fastify = Fastify();
    fastify.get('/predict', { onRequest: fastifyGate(gateOf()) }, (request) => ({
      by: (request as unknown as { license: { claims: { sub: string } } }).license.claims.sub,
    }));
    open.push(fastify);
    const url = await fastify.listen({ port: 0, host: '127.0.0.1' });
    const { access_token } = await tokenOf(await grantOf());
    const served = await ask(url, access_token);
    expect([served.status, await served.json()]).toEqual([200, { by: licensee.id }]);
    expect(await told(await ask(url))).toEqual([401, 'unauthenticated']);
  });

  it('Nest', async () => {
    const guard = nestGate(gateOf(), HttpException);
    @Controller('predict')
    @UseGuards(guard)
    class Predict {
      @Get()
      get() {
        return { served: true };
      }
    }
    @Module({ controllers: [Predict] })
    class Service {}
    const nest = await NestFactory.create(Service, new FastifyAdapter(), { logger: false });
    open.push(nest);
    await nest.listen(0, '127.0.0.1');
    const url = await nest.getUrl();
    const { access_token } = await tokenOf(await grantOf());
    expect((await ask(url, access_token)).status).toBe(200);
    const without = await ask(url);
    expect(without.headers.get('www-authenticate')).toBe('Bearer, DPoP algs="ES256"');
    expect(without.headers.get('content-type')).toContain('application/problem+json');
    expect(await told(without)).toEqual([401, 'unauthenticated']);
  });
});

describe('a gate that is killed', () => {
  it('has every call counted once that it let through, and no call twice', async () => {
    const grant = await grantOf({ maxCalls: 100_000 });
    const { access_token } = await tokenOf(grant);
    const options = {
      ...{ registry: app.url, audience: AUDIENCE, model: { id: model } },
      usage: { apiKey: operator.apiKey, journal: join(folder, 'killed'), blockCalls: 7, reportSeconds: 0.05 },
    };
    const script = fileURLToPath(new URL('../support/gate-child.mjs', import.meta.url));
    const start = async () => {
      const child = spawn(process.execPath, [script, JSON.stringify(options)], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const [port] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      return { child, url: `http://127.0.0.1:${port}` };
    };
    let [sent, served] = [0, 0];
    for (let round = 0; round < 5; round++) {
      const { child, url } = await start();
      let over = false;
      const clients = Array.from({ length: 4 }, async () => {
        while (!over) {
          sent++;
          try {
            if ((await ask(url, access_token)).status === 200) served++;
          } catch {
            over = true;
          }
        }
      });
      await new Promise((resolve) => setTimeout(resolve, 300 + Math.random() * 700));
      child.kill(round === 4 ? 'SIGTERM' : 'SIGKILL');
      over = true;
      await Promise.all([...clients, once(child, 'exit')]);
    }
    const { calls, leased } = await owner.ok<{ calls: number; leased: number }>('GET', `/v1/grants/${grant}/usage`);
    expect(served).toBeGreaterThan(20);
    expect(calls).toBeGreaterThanOrEqual(served);
    expect(calls).toBeLessThanOrEqual(sent);
    expect(leased).toBe(0);
  });
});
