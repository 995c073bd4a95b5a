import { describe, expect, test } from '@jest/globals';
import { RegistryError } from '../../../src/core/errors.ts';
import type { Principal } from '../../../src/platform/auth/index.ts';
import { AuthenticatorRegistry } from '../../../src/platform/auth/index.ts';
import { newId } from '../../../src/platform/crypto.ts';
import { ClientAuthentication } from '../../../src/tokens/client-authentication.ts';

const id = newId('apikey');
const secret = `mun_${id.split('_')[1]}_${'5'.repeat(64)}`;
const principal: Principal = { partyId: newId('party'), apiKeyId: id, scopes: [], roles: [] };
const authenticators = new AuthenticatorRegistry();
authenticators.register({
  authenticate: (token) =>
    token === secret
      ? Promise.resolve(principal)
      : Promise.reject(new RegistryError('unauthenticated', 'The API key is not valid.')),
});
const clients = new ClientAuthentication(authenticators);
const basic = (text: string, scheme = 'Basic') => ({
  headers: { authorization: `${scheme} ${Buffer.from(text).toString('base64')}` },
});
const bare = { headers: {} };

describe('a client', () => {
  test('is known by id and secret, as form fields or by HTTP Basic', async () => {
    expect(await clients.client(bare, { client_id: id, client_secret: secret })).toBe(principal);
    expect(await clients.client(basic(`${id}:${secret}`), {})).toBe(principal);
    expect(await clients.client(basic(`${id}:${secret}`, 'basic'), { client_id: id })).toBe(principal);
  });

  test('may percent-encode both halves', async () => {
    expect(await clients.client(basic(`${id.replace('_', '%5F')}:${secret.replaceAll('_', '%5f')}`), {})).toBe(
      principal,
    );
  });

  test.each<[string, { headers: Record<string, string> }, object]>([
    ['without anything', bare, {}],
    ['without a secret', bare, { client_id: id }],
    ['without an id', bare, { client_secret: secret }],
    ['with the id of another key', bare, { client_id: newId('apikey'), client_secret: secret }],
    ['with the id of another key by Basic', basic(`${newId('apikey')}:${secret}`), {}],
    ['with another id in the form than by Basic', basic(`${id}:${secret}`), { client_id: newId('apikey') }],
    ['with a wrong secret', basic(`${id}:${secret.slice(0, -1)}0`), {}],
    ['with three parts', basic(`${id}:${secret}:x`), {}],
    ['with one part', basic(secret), {}],
    ['with nothing behind Basic', { headers: { authorization: 'Basic ' } }, {}],
    ['with another scheme', { headers: { authorization: `Bearer ${secret}` } }, {}],
    ['with a novel as its secret', basic(`${id}:${'x'.repeat(10_000)}`), {}],
  ])('is refused %s', async (_, request, fields) => {
    await expect(clients.client(request, fields)).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  test('is refused when it authenticates in two ways at once', async () => {
    await expect(clients.client(basic(`${id}:${secret}`), { client_secret: secret })).rejects.toMatchObject({
      code: 'invalid_input',
    });
  });
});
