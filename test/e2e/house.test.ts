import { once } from 'node:events';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import request from 'supertest';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { RegistryError } from '../../src/core/errors.ts';
import { AuthenticatorRegistry, CurrentPrincipal, listRoutes, Requires } from '../../src/platform/auth/index.ts';
import type { Principal } from '../../src/platform/auth/index.ts';
import { startTestApp } from '../support/app.ts';
import type { TestApp } from '../support/app.ts';

const owner = z.strictObject({ party: z.string(), share: z.string() });
const registration = z.strictObject({ name: z.string().min(1), owners: z.array(owner).optional() });
const page = z.object({ limit: z.coerce.number().int().max(100).default(20) });

/** Routes with every way to fail that the platform has to turn into an answer. */
@Controller('probe')
class ProbeController {
  constructor(@Inject(DataSource) private readonly source: DataSource) {}

  @Post('register')
  @Requires('models:write')
  register(
    @Body({ schema: registration }) body: z.output<typeof registration>,
    @CurrentPrincipal() principal: Principal,
  ) {
    return { name: body.name, party: principal.partyId };
  }

  @Post('echo')
  @Requires('public')
  echo(@Body() body: unknown) {
    return { body };
  }

  @Get('page')
  @Requires('public')
  page(@Query({ schema: page }) query: z.output<typeof page>) {
    return query;
  }

  @Get('models/:id')
  @Requires('public')
  model(@Param('id') id: string) {
    throw new RegistryError('not_found', `There is no model ${id}.`, { fix: 'Check the id.' });
  }

  @Get('bug')
  @Requires('public')
  bug() {
    throw new Error('secret detail: hunter2 at /srv/app/file.ts');
  }

  @Get('sql')
  @Requires('public')
  sql() {
    return this.source.query('SELECT pg_terminate_backend(pg_backend_pid())');
  }

  @Get('slow')
  @Requires('public')
  async slow() {
    await sleep(700);
    return { done: true };
  }

  @Get('registrar')
  @Requires('registrar')
  registrar() {
    return { done: true };
  }

  @Get('any')
  @Requires('authenticated')
  any(@CurrentPrincipal() principal: Principal) {
    return principal;
  }

  @Get('forgotten')
  forgotten() {
    return { secret: 'open to the world' };
  }
}

const PRINCIPALS: Record<string, Principal> = {
  mun_1_writer: { partyId: 'p1', apiKeyId: 'k1', scopes: ['models:write'], roles: [] },
  mun_2_reader: { partyId: 'p2', apiKeyId: 'k2', scopes: ['read'], roles: [] },
  mun_3_boss: { partyId: 'p3', apiKeyId: 'k3', scopes: [], roles: ['registrar'] },
};

let app: TestApp;
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
beforeAll(async () => {
  app = await startTestApp({ controllers: [ProbeController] });
  const registry = app.app.nest.get(AuthenticatorRegistry);
  // The features may have registered theirs already: the probe's principals stand in front of it.
  Object.assign(registry, {
    authenticate: (token: string) => {
      const principal = PRINCIPALS[token];
      return principal
        ? Promise.resolve(principal)
        : Promise.reject(new RegistryError('unauthenticated', 'The API key is not valid.'));
    },
  });
});
afterAll(() => app.close());

describe('access', () => {
  it('refuses every route whose author forgot to say what it requires, even to the registrar', async () => {
    for (const headers of [{}, bearer('mun_3_boss')]) {
      const { body } = await request(app.http).get('/probe/forgotten').set(headers).expect(403);
      expect(body).toMatchObject({ code: 'forbidden' });
      expect(JSON.stringify(body)).not.toContain('open to the world');
    }
  });

  it('names a requirement on every route of the application', () => {
    const routes = listRoutes(app.app.nest).filter(({ handler }) => handler !== 'ProbeController.forgotten');
    expect(routes.length).toBeGreaterThan(8);
    expect(routes.filter(({ requirement }) => requirement === undefined)).toEqual([]);
  });

  it('serves nothing beside the controllers but the API document and its page', () => {
    const known = new Set(listRoutes(app.app.nest).flatMap(({ paths }) => paths));
    const served = app.app.routes.map(({ path }) => path);
    expect(served).toEqual(expect.arrayContaining(['/health/live', '/probe/echo']));
    const foreign = served.filter((path) => !known.has(path) && !/^\/(?:docs|openapi\.)/.test(path));
    expect(foreign).toEqual([]);
  });

  it('asks for a key with 401 and a challenge', async () => {
    const { body } = await request(app.http)
      .post('/probe/register')
      .send({ name: 'm' })
      .expect(401)
      .expect('www-authenticate', 'Bearer realm="muniment"');
    expect(body).toMatchObject({ code: 'unauthenticated', fix: expect.stringContaining('Bearer mun_') });
  });

  it.each(['Bearer', 'Bearer mun_9_unknown', 'Basic bXVuOnNlY3JldA==', 'Bearer a b', `Bearer ${'x'.repeat(9000)}`])(
    'refuses the credentials %.40s',
    async (authorization) => {
      const { headers } = await request(app.http).get('/probe/any').set({ authorization }).expect(401);
      expect(headers['www-authenticate']).toContain('invalid_token');
    },
  );

  it('lets a key do what its scopes name and nothing else', async () => {
    const post = () => request(app.http).post('/probe/register').send({ name: 'm' });
    await post().set(bearer('mun_1_writer')).expect(201, { name: 'm', party: 'p1' });
    const { body } = await post().set(bearer('mun_2_reader')).expect(403);
    expect(body).toMatchObject({ code: 'scope_missing', detail: expect.stringContaining('models:write') });
    await post().set(bearer('mun_3_boss')).expect(201);
    await request(app.http).get('/probe/registrar').set(bearer('mun_1_writer')).expect(403);
    await request(app.http).get('/probe/registrar').set(bearer('mun_3_boss')).expect(200);
  });

  it('tells nothing about a schema to a caller without a key', async () => {
    const { body } = await request(app.http).post('/probe/register').send({ wrong: 1 }).expect(401);
    expect(body.field).toBeUndefined();
  });

  it('keeps a public route public for whoever sends credentials of another kind', async () => {
    await request(app.http).get('/health/live').set({ authorization: 'Basic YTpi' }).expect(200);
  });
});

describe('problems', () => {
  it('answers an error on purpose as problem+json with code, sentence, fix and request id', async () => {
    const { body, headers } = await request(app.http)
      .get('/probe/models/7')
      .set({ 'x-request-id': 'trace-7.a' })
      .expect(404)
      .expect('content-type', /^application\/problem\+json/)
      .expect('x-request-id', 'trace-7.a');
    expect(body).toEqual({
      type: 'urn:muniment:error:not_found',
      title: 'not found',
      status: 404,
      code: 'not_found',
      detail: 'There is no model 7.',
      fix: 'Check the id.',
      requestId: 'trace-7.a',
    });
    expect(headers['cache-control']).toBe('no-store');
  });

  it.each(['a b', 'x'.repeat(65), '{"level":"fatal"}'])(
    'makes its own request id instead of taking over %j',
    async (id) => {
      const { headers } = await request(app.http).get('/health/live').set({ 'x-request-id': id }).expect(200);
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    },
  );

  it('answers a bug as `internal` and tells the text only to the log', async () => {
    const { body, text } = await request(app.http).get('/probe/bug').set({ 'x-request-id': 'bug-1' }).expect(500);
    expect(body).toMatchObject({ code: 'internal' });
    expect(text).not.toMatch(/hunter2|file\.ts|\bat\b/);
    const line = app.logged.find(
      ({ requestId, level, msg }) => requestId === 'bug-1' && level === 'error' && msg !== 'request failed',
    );
    expect(JSON.stringify(line)).toContain('secret detail');
    expect(JSON.stringify(line)).toContain('house.test.ts');
  });

  it('answers a database that ends the connection as `database_unavailable`, and goes on', async () => {
    const { body } = await request(app.http).get('/probe/sql').expect(503).expect('retry-after', '2');
    expect(body).toMatchObject({ code: 'database_unavailable' });
    await request(app.http).get('/health/ready').expect(200);
  });

  it.each<[string, object, number, string, string | undefined]>([
    ['a member too many', { name: 'm', nmae: 'x' }, 400, 'invalid_input', 'nmae'],
    [
      'a member deep inside',
      {
        name: 'm',
        owners: [
          { party: 'a', share: '1' },
          { party: 'b', share: 2 },
        ],
      },
      400,
      'invalid_input',
      'owners.1.share',
    ],
    ['a missing member', {}, 400, 'invalid_input', 'name'],
    ['a body that is no object', [], 400, 'invalid_input', undefined],
  ])('names %s', async (_, body, status, code, field) => {
    const answer = await request(app.http)
      .post('/probe/register')
      .set(bearer('mun_1_writer'))
      .send(body)
      .expect(status);
    expect(answer.body).toMatchObject({ code, ...(field === undefined ? {} : { field }) });
  });

  it('checks query parameters too', async () => {
    await request(app.http).get('/probe/page').expect(200, { limit: 20 });
    const { body } = await request(app.http).get('/probe/page?limit=1000').expect(400);
    expect(body).toMatchObject({ code: 'invalid_input', field: 'limit' });
  });

  it.each<[string, string, string, number, string]>([
    ['JSON that breaks off', 'application/json', '{"a":', 400, 'malformed_json'],
    ['a member that poisons prototypes', 'application/json', '{"__proto__":{"admin":true}}', 400, 'invalid_input'],
    [
      'a constructor that poisons prototypes',
      'application/json',
      '{"constructor":{"prototype":{"a":1}}}',
      400,
      'invalid_input',
    ],
    ['ten thousand brackets', 'application/json', '['.repeat(10_000) + ']'.repeat(10_000), 400, 'malformed_json'],
    ['a body over the limit', 'application/json', `"${'x'.repeat(1_100_000)}"`, 413, 'payload_too_large'],
    ['XML', 'application/xml', '<a/>', 415, 'unsupported_media_type'],
    ['plain text', 'text/plain', '{}', 415, 'unsupported_media_type'],
    ['a form field that comes twice', 'application/x-www-form-urlencoded', 'a=1&a=2', 400, 'invalid_input'],
  ])('refuses %s', async (_, type, body, status, code) => {
    const answer = await request(app.http).post('/probe/echo').set('content-type', type).send(body);
    expect([answer.status, answer.body.code]).toEqual([status, code]);
  });

  it('takes JSON, a DSSE envelope and a form', async () => {
    const envelope = { payloadType: 'application/vnd.in-toto+json', payload: 'e30=', signatures: [] };
    const post = (type: string, body: string) =>
      request(app.http).post('/probe/echo').set('content-type', type).send(body);
    await post('application/json', '{"a":[1]}').expect(201, { body: { a: [1] } });
    await post('application/vnd.dsse.envelope.v1+json', JSON.stringify(envelope)).expect(201, { body: envelope });
    await post('application/x-www-form-urlencoded', 'grant_type=client_credentials&a=%2F').expect(201, {
      body: { grant_type: 'client_credentials', a: '/' },
    });
  });

  it.each(['/nothing/here', '/%zz', `/probe/models/${'x'.repeat(5000)}`])(
    'answers GET %.30s as a problem',
    async (path) => {
      const { status, type, body } = await request(app.http).get(path);
      expect([type, status < 500, typeof body.requestId]).toEqual(['application/problem+json', true, 'string']);
    },
  );

  it('survives bytes that are no HTTP', async () => {
    const { port } = new URL(app.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('\x16\x03\x01 hello\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(String(answer)).toMatch(/^HTTP\/1\.1 400/);
    await request(app.http).get('/health/live').expect(200);
  });
});

describe('the outside', () => {
  it('sends the headers that keep a browser from harm, and no server name', async () => {
    const { headers } = await request(app.http).get('/health/live');
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringContaining("default-src 'self'"),
    });
    expect(headers['x-powered-by']).toBeUndefined();
    expect(headers['server']).toBeUndefined();
  });

  it('describes itself at /openapi.json and shows a page at /docs that loads nothing from afar', async () => {
    const { body } = await request(app.http).get('/openapi.json').expect(200);
    expect(body.paths['/health/ready'].get.summary).toBeTruthy();
    expect(body.paths['/probe/register'].post).toMatchObject({
      security: [{ apiKey: [] }],
      responses: { default: { content: { 'application/problem+json': expect.anything() } } },
    });
    expect(body.components.securitySchemes.apiKey).toMatchObject({ type: 'http', scheme: 'bearer' });
    const { text } = await request(app.http).get('/docs').expect(200);
    const loaded = [...text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => String(address));
    expect(loaded.filter((address) => /^(?:https?:)?\/\//.test(address))).toEqual([]);
    for (const address of loaded) await request(app.http).get(new URL(address, 'http://x/docs').pathname).expect(200);
  });
});

describe('the log', () => {
  it('has one line a request with its id, and neither credentials nor bodies nor query', async () => {
    await request(app.http)
      .post('/probe/register?token=query-hunter2')
      .set({
        ...bearer('mun_1_writer'),
        cookie: 'session=cookie-hunter2',
        dpop: 'proof-hunter2',
        'x-request-id': 'log-1',
      })
      .send({ name: 'body-hunter2' })
      .expect(201);
    await request(app.http).get('/probe/any').set(bearer('mun_1_key-hunter2')).expect(401);
    const lines = app.logged.filter(({ requestId }) => requestId === 'log-1');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({ req: { method: 'POST', path: '/probe/register' }, res: { status: 201 } });
    expect(JSON.stringify(app.logged)).not.toMatch(/(?:query|cookie|proof|body|key)-hunter2/);
  });

  it('blanks secrets that somebody logs by mistake', () => {
    const { log, database } = app.ground;
    log.info(
      {
        password: 'p-hunter2',
        req: { headers: { authorization: 'h-hunter2' } },
        database,
        job: { apiKey: 'j-hunter2' },
      },
      'oops',
    );
    log.error({ err: new Error('connect postgres://app:e-hunter2@db/x failed for mun_9_e-hunter2') }, 'oops');
    const password = new URL(database.appUrl.reveal()).password;
    const text = JSON.stringify(app.logged);
    expect(text).not.toMatch(/[phje]-hunter2/);
    expect(text).not.toContain(password);
  });
});

describe('a graceful stop', () => {
  it('finishes the request in flight, refuses new ones and closes the database connections', async () => {
    const stopping = await startTestApp({ controllers: [ProbeController] });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const slow = httpRequest(`${stopping.url}/probe/slow`, { agent }).end();
    await sleep(150);
    const closed = stopping.close();
    const [answer] = (await once(slow, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
    expect(answer.statusCode).toBe(200);
    let text = '';
    for await (const chunk of answer) text += String(chunk);
    expect(JSON.parse(text)).toEqual({ done: true });
    await closed;
    await expect(fetch(`${stopping.url}/health/live`)).rejects.toThrow();
    expect(stopping.app.nest.get(DataSource).isInitialized).toBe(false);
    agent.destroy();
  });

  it('does not wait longer than configured', async () => {
    const stopping = await startTestApp({ controllers: [ProbeController], env: { MUNIMENT_STOP_TIMEOUT_MS: '50' } });
    const slow = fetch(`${stopping.url}/probe/slow`).then(
      () => 'answered',
      () => 'cut',
    );
    await sleep(150);
    await stopping.close();
    expect(await slow).toBe('cut');
    expect(JSON.stringify(stopping.logged)).toContain('still in flight');
  });
});
