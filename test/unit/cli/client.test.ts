import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from '@jest/globals';
import { Client } from '../../../src/cli/client.ts';

let server: Server;

async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

it('sends a write whose answer was lost again, under the same key', async () => {
  const keys: unknown[] = [];
  const url = await serve((request, response) => {
    keys.push(request.headers['idempotency-key']);
    request.resume().on('end', () => (keys.length < 3 ? request.socket.destroy() : response.end('{"index":7}')));
  });
  expect(await new Client({ url }).post('/v1/models', { a: 1 })).toEqual({ index: 7 });
  expect(keys).toHaveLength(3);
  expect(new Set(keys).size).toBe(1);
  expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
});

it('gives another key to another write', async () => {
  const keys = new Set<unknown>();
  const url = await serve((request, response) => {
    keys.add(request.headers['idempotency-key']);
    request.resume().on('end', () => response.end('{}'));
  });
  const client = new Client({ url });
  await client.post('/a', {});
  await client.post('/a', {});
  expect(keys.size).toBe(2);
});

it('does not send again what the registry refused', async () => {
  let times = 0;
  const url = await serve((request, response) => {
    times++;
    response.writeHead(400, { 'content-type': 'application/problem+json' });
    request
      .resume()
      .on('end', () =>
        response.end(JSON.stringify({ code: 'shares_invalid', detail: 'No.', field: 'owners', fix: 'Do.' })),
      );
  });
  await expect(new Client({ url }).post('/a', {})).rejects.toMatchObject({
    code: 'shares_invalid',
    message: 'No.',
    field: 'owners',
    fix: 'Do.',
  });
  expect(times).toBe(1);
});

it("reads an error in OAuth's form", async () => {
  const url = await serve((request, response) => {
    response.writeHead(400);
    request
      .resume()
      .on('end', () =>
        response.end(JSON.stringify({ error: 'invalid_grant', error_description: 'Revoked.', code: 'state_conflict' })),
      );
  });
  await expect(new Client({ url }).form('/oauth/token', {})).rejects.toMatchObject({
    code: 'state_conflict',
    message: 'Revoked.',
  });
});

it('authenticates at OAuth by the id and the whole of the API key', async () => {
  let header = '';
  const url = await serve((request, response) => {
    header = request.headers.authorization ?? '';
    request.resume().on('end', () => response.end('{}'));
  });
  await new Client({ url, apiKey: 'mun_abc_def' }).form('/oauth/token', {});
  expect(Buffer.from(header.slice('Basic '.length), 'base64').toString()).toBe('apikey_abc:mun_abc_def');
});

it('never follows a redirect, which could carry the API key elsewhere', async () => {
  let asked = 0;
  const url = await serve((request, response) => {
    asked++;
    response.writeHead(302, { location: request.url === '/elsewhere' ? '/' : '/elsewhere' }).end();
  });
  await expect(new Client({ url, apiKey: 'mun_x' }).get('/v1/whoami')).rejects.toMatchObject({ code: 'unreachable' });
  expect(asked).toBe(1);
});

it('ends a call that gets no answer', async () => {
  const url = await serve(() => undefined);
  await expect(new Client({ url, timeoutMs: 50 }).get('/')).rejects.toMatchObject({
    code: 'unreachable',
    message: expect.stringContaining('in time'),
  });
});

it.each(['<html>hello</html>', '', '{"code":"made_up","detail":"x"}'])(
  'does not take %j for an answer',
  async (text) => {
    const url = await serve((request, response) => {
      response.writeHead(request.url === '/fails' ? 500 : 200);
      response.end(request.url === '/fails' || !text.startsWith('{') ? text : 'x');
    });
    const client = new Client({ url });
    await expect(client.get('/works')).rejects.toMatchObject({ code: 'unreachable' });
    await expect(client.get('/fails')).rejects.toMatchObject({ code: 'unreachable' });
  },
);

it('takes no more bytes than it asked for', async () => {
  const url = await serve((_, response) => response.end(Buffer.alloc(100)));
  await expect(new Client({ url }).bytes('/tile', 99)).rejects.toMatchObject({ code: 'unreachable' });
  expect(await new Client({ url }).bytes('/tile', 100)).toHaveLength(100);
});
