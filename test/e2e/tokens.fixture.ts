/** A registry with an owner, a licensee and a stranger, who speak to it over HTTP as any client does. */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { CryptoKey, JWK } from 'jose';
import type { GrantAct } from '../../src/core/licensing/grant-states.ts';
import type { GrantBody } from '../../src/core/registry/grant.ts';
import type { Kind } from '../../src/core/registry/kind.ts';
import { possessionText } from '../../src/core/registry/key.ts';
import { toBase64 } from '../../src/core/bytes.ts';
import { signStatement } from '../../src/core/registry/sign.ts';
import { formatEnvelope } from '../../src/core/statement/dsse.ts';
import type { Receipt } from '../../src/core/statement/receipt.ts';
import type { StatementKey } from '../../src/platform/crypto.ts';
import { makeP256, newId, newNonce, newStatementKey, sha256, statementKey } from '../../src/platform/crypto.ts';
import type { TestApp } from '../support/app.ts';
import { digestOf, modelOf } from '../support/bodies.ts';

export const anyDigest = () => `sha256:${randomBytes(32).toString('hex')}` as const;

/** What an answer may hold, success or failure: the members that the tests look at. */
export interface AnswerBody {
  code: string;
  detail: string;
  error: string;
  error_description: string;
  id: string;
  statement: string;
  index: number;
  envelope: { payload: string };
  access_token: string;
  expires_in: number;
  scope: string;
  jti: string;
  authorization_details: { model: object }[];
  keys: { kid: string }[];
  revocation: string;
  origin: string;
  verifierKey: string;
  registryParty: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: AnswerBody;
}

export type Form = Record<string, string>;

export class Party {
  #key: StatementKey | undefined;

  constructor(
    readonly app: TestApp,
    readonly id: string,
    readonly apiKey: string,
  ) {}

  get clientId(): string {
    return `apikey_${this.apiKey.split('_')[1]}`;
  }

  call(method: string, path: string, body?: object, headers: Record<string, string> = {}): Promise<Answer> {
    return answer(this.app, path, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async ok<T = Receipt>(method: string, path: string, body?: object): Promise<T> {
    const got = await this.call(method, path, body);
    if (got.status >= 300) throw new Error(`${method} ${path} answered ${got.status}: ${JSON.stringify(got.body)}`);
    return got.body as T;
  }

  /** An OAuth request with the key as client secret, by HTTP Basic. */
  form(path: string, fields: Form, headers: Record<string, string> = this.basic()): Promise<Answer> {
    return answer(this.app, path, { method: 'POST', headers, body: new URLSearchParams(fields) });
  }

  token(grant: string, fields: Form = {}, headers?: Record<string, string>): Promise<Answer> {
    return this.form('/oauth/token', { grant_type: 'client_credentials', grant_id: grant, ...fields }, headers);
  }

  basic(id = this.clientId, secret = this.apiKey): Record<string, string> {
    return { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` };
  }

  /** Registers a key of the party's own; from then on it signs for itself. */
  async takeKey(): Promise<void> {
    const key = statementKey(makeP256().pkcs8);
    const { origin } = await this.ok<{ origin: string }>('GET', '/v1/log');
    const possession = toBase64(key.sign(possessionText(origin, this.id, key.keyId)));
    await this.ok('POST', `/v1/parties/${this.id}/keys`, { spki: key.spki, fingerprint: key.keyId, possession });
    this.#key = key;
  }

  /** A statement as the command line makes it. */
  async signed<Body>(kind: Kind<Body>, basis: string[], body: Body) {
    const key = this.#key!;
    const { origin } = await this.ok<{ origin: string }>('GET', '/v1/log');
    const common = {
      origin,
      maker: this.id,
      id: newId(kind.kind.replaceAll('-', '')),
      nonce: newNonce(),
      statedAt: new Date().toISOString(),
      basis: basis as never[],
    };
    return formatEnvelope(signStatement(sha256, kind, common, body, key, newStatementKey));
  }

  /** Registers a model that this party owns alone. */
  registerModel(owners = [{ party: this.id, share: '1/1' }]): Promise<Receipt> {
    return this.ok('POST', '/v1/models', {
      name: 'a model',
      weights: {
        fileDigest: anyDigest(),
        weightDigest: anyDigest(),
        namelessDigest: anyDigest(),
        container: 'safetensors',
        bytes: 1000,
        tensors: 4,
        parameters: 100,
      },
      owners,
      license: { expression: 'Apache-2.0', textDigest: null },
      run: null,
      datasets: [],
      parents: [],
    });
  }

  /** A model whose file the registry keeps; any file, registered as one that cannot be read. @returns its id */
  async keepModel(file: Buffer): Promise<string> {
    const { id } = await this.ok<Receipt & { id: string }>('POST', '/v1/models', {
      ...modelOf(this.id),
      weights: {
        ...{ fileDigest: digestOf(file), weightDigest: null, namelessDigest: null, container: 'opaque' },
        ...{ bytes: file.length, tensors: null, parameters: null },
      },
    });
    const stored = await fetch(`${this.app.url}/v1/models/${id}/artifact`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/octet-stream' },
      body: file,
    });
    if (stored.status !== 204) throw new Error(`The file was not stored: ${await stored.text()}`);
    return id;
  }

  /** Offers a grant, which the licensee accepts. @returns the receipt of the offer */
  async grant(registration: string, licensee: Party, changed: Partial<GrantBody> = {}): Promise<Receipt> {
    const offered = await this.ok('POST', '/v1/grants', grantTo(registration, licensee, changed));
    await licensee.act(offered.id, 'accept');
    return offered;
  }

  act(grant: string, act: GrantAct, more: object = {}): Promise<Receipt> {
    return this.ok('POST', `/v1/grants/${grant}/acts`, { act, ...more });
  }
}

export const grantTo = (registration: string, licensee: Party, changed: Partial<GrantBody> = {}): GrantBody => ({
  registration,
  licensee: licensee.id,
  actions: ['infer', 'host'],
  constraints: { commercial: true, territory: ['DE', 'FR'], fieldOfUse: null, maxCalls: 1000, seats: null },
  sublicensing: false,
  termsDigest: anyDigest(),
  notBefore: '2026-01-01T00:00:00.000Z',
  expiresAt: null,
  acceptBy: new Date(Date.now() + 3_600_000).toISOString(),
  ...changed,
});

export async function answer(app: TestApp, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(app.url + path, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? undefined : JSON.parse(text)) as AnswerBody,
  };
}

export async function registrarOf(app: TestApp): Promise<Party> {
  const apiKey = (await readFile(join(app.config.data, 'registrar.key'), 'utf8')).trim();
  const { registryParty } = (await answer(app, '/v1/log')).body;
  return new Party(app, registryParty, apiKey);
}

export async function makeParty(registrar: Party, options: { scopes?: string[]; roles?: string[] } = {}) {
  const { scopes, roles = [] } = options;
  const { id } = await registrar.ok('POST', '/v1/parties', { name: newId('name'), roles });
  return withKey(registrar, id, scopes);
}

/** The same party with another API key. */
export async function withKey(registrar: Party, id: string, scopes?: string[], expiresAt?: string): Promise<Party> {
  const { key } = await registrar.ok<{ key: string }>('POST', `/v1/parties/${id}/api-keys`, {
    ...(scopes === undefined ? {} : { scopes }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  });
  return new Party(registrar.app, id, key);
}

/** Whoever holds a key that tokens are bound to; its proofs are made by jose. */
export class Holder {
  private constructor(
    readonly privateKey: CryptoKey,
    readonly jwk: JWK,
    readonly thumbprint: string,
    private readonly usual: Record<string, unknown>,
  ) {}

  /** @param usual claims of its proofs where a proof has no others */
  static async make(usual: Record<string, unknown> = {}): Promise<Holder> {
    const { privateKey, publicKey } = await generateKeyPair('ES256');
    const jwk = await exportJWK(publicKey);
    return new Holder(privateKey, jwk, await calculateJwkThumbprint(jwk), usual);
  }

  /** @param signer whose private key signs, with this one's public key in the header */
  proof(claims: Record<string, unknown> = {}, signer: Pick<Holder, 'privateKey'> = this): Promise<string> {
    return new SignJWT({ jti: newId('proof'), ...this.usual, ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: this.jwk })
      .setIssuedAt()
      .sign(signer.privateKey);
  }
}
