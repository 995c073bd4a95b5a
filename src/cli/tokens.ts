/**
 * License tokens at the command line. The strict verifier is the registry's own; here it gets the key set, the issuer
 * and the audience from whoever relies on the token, and never from the token.
 */
import { join } from 'node:path';
import { fromUtf8, toHex, utf8 } from '../core/bytes.ts';
import { RegistryError } from '../core/errors.ts';
import type { Receipt } from '../core/statement/receipt.ts';
import { sha256 } from '../platform/crypto.ts';
import type { Context } from './context.ts';
import { endToken } from './grants.ts';
import { proveTo, readHolderKey, useHolderKey } from './holder-key.ts';
import { readPrivate, writePrivate } from './profile.ts';
import { readText } from './settings.ts';

export interface IssuedToken {
  access_token: string;
  token_type: string;
  expires_in: number;
  jti?: string;
}

export interface TokenWish {
  grant: string;
  audience: string;
  lifetime?: number;
  action?: string[];
  /** File of the key that the token is to be bound to; made where there is none */
  holderKey?: string;
}

export async function issueToken(
  context: Context,
  { grant, audience, lifetime, action, holderKey: file }: TokenWish,
): Promise<IssuedToken> {
  const { client } = await context.session();
  const parameters = {
    grant_type: 'client_credentials',
    grant_id: grant,
    audience,
    ...(lifetime === undefined ? {} : { lifetime_seconds: String(lifetime) }),
    ...(action === undefined ? {} : { scope: action.join(' ') }),
  };
  const request = { method: 'POST', path: '/oauth/token' };
  const proof = file === undefined ? {} : { dpop: await proveTo(client, await useHolderKey(context, file), request) };
  return client.form<IssuedToken>(request.path, parameters, proof);
}

/** @throws RegistryError `token_malformed` */
export function inspectToken(token: string): { header: object; claims: Record<string, unknown> } {
  const parts = token.split('.');
  if (parts.length !== 3) throw malformed();
  const [header, claims] = parts.slice(0, 2).map((part) => {
    let value: unknown;
    try {
      value = JSON.parse(fromUtf8(Buffer.from(part, 'base64url')));
    } catch (cause) {
      throw malformed(cause);
    }
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw malformed();
    return value;
  });
  return { header: header!, claims: claims as Record<string, unknown> };
}

export interface TokenQuestion {
  audience?: string;
  issuer?: string;
  /** Without a network: by the keys kept from the last time online, or by a bundle, which is named */
  offline?: boolean | string;
  jwks?: string;
  /** File of the key that the token is bound to: whoever has it holds the token */
  holderKey?: string;
  maxLifetime: number;
  maxStaleness: number;
}

/**
 * @throws RegistryError `token_revoked` when the registry does not stand by the token; as `verifyLicenseToken` when the
 * token itself is not right; `usage`
 */
export async function verifyToken(context: Context, token: string, question: TokenQuestion) {
  const { url } = await context.settings();
  const issuer = question.issuer ?? url;
  if (question.offline !== undefined && question.offline !== false) {
    if (question.audience === undefined) {
      throw new RegistryError('usage', 'Offline, --audience has to say who accepts the token.', { field: 'audience' });
    }
    if (typeof question.offline === 'string')
      return verifyByBundle(token, question.offline, question.audience, question);
    const claims = await judge(
      token,
      issuer,
      question.audience,
      await knownKeys(context, issuer, question.jwks),
      question,
    );
    return { verdict: 'valid, as far as can be told offline: a revocation cannot be seen', offline: true, claims };
  }
  const { client } = await context.session();
  const { active, ...told } = await client.form<{ active: boolean } & Record<string, unknown>>('/oauth/introspect', {
    token,
  });
  const jwks = await client.get<unknown>('/.well-known/jwks.json');
  await writePrivate(await cacheOf(context, issuer), `${JSON.stringify(jwks)}\n`);
  // The registry's word alone is not taken: the token is judged here, too, which also says what is wrong with it.
  const said = inspectToken(token).claims;
  const claims = await judge(token, issuer, question.audience ?? textOf(said, 'aud'), jwks, question);
  if (active !== true) {
    throw new RegistryError(
      'token_revoked',
      'The registry does not stand by this token: it, or its license, was revoked.',
      {
        fix: 'Ask the licensor.',
      },
    );
  }
  const audienceChecked = question.audience !== undefined;
  const verdict = audienceChecked
    ? 'valid'
    : `valid for ${claims.aud}; the audience was not checked, name yours with --audience`;
  return { verdict, offline: false, audienceChecked, claims, introspection: told };
}

async function verifyByBundle(token: string, path: string, audience: string, question: TokenQuestion) {
  const { judgeStatus, readBundle } = await import('./token-bundle.ts');
  const { readJwks } = await import('../tokens/license-token/index.ts');
  const bundle = await readBundle(path);
  const issuer = question.issuer ?? bundle.issuer;
  const claims = await judge(token, issuer, audience, bundle.jwks, question);
  const keys = await readJwks(bundle.jwks);
  const { status, asOf } = await judgeStatus(bundle, claims, { ...question, keys, now: Date.now() });
  const verdict = `${status === 'valid' ? 'valid' : 'valid, with notice of a dispute'}, as of ${asOf}`;
  return { verdict, offline: true, claims, status, asOf };
}

async function judge(
  token: string,
  issuer: string,
  audience: string,
  jwks: unknown,
  { maxLifetime, holderKey: file }: Pick<TokenQuestion, 'holderKey' | 'maxLifetime'>,
) {
  const { verifyLicenseToken } = await import('../tokens/license-token/index.ts');
  const { holderKey } = await import('../tokens/dpop/index.ts');
  const holder = file === undefined ? {} : { holder: (await holderKey(await readHolderKey(file))).thumbprint };
  const options = { jwks, issuer, audience, now: Date.now(), maxLifetime, ...holder };
  return (await verifyLicenseToken(token, options)).claims;
}

/** Ends one token: signed by its owner, or by the registry for a party without a key. */
export async function revokeToken(
  context: Context,
  text: string,
  reason: string,
): Promise<{ jti: string; receipt: Receipt }> {
  const { client } = await context.session();
  const jti = /^token_[0-9a-z]{26}$/.test(text) ? text : textOf(inspectToken(text).claims, 'jti');
  const { grant } = await client.get<{ grant: string }>(`/v1/tokens/${encodeURIComponent(jti)}`);
  return { jti, receipt: await endToken(context, grant, jti, reason) };
}

async function knownKeys(context: Context, issuer: string, source = 'cached'): Promise<unknown> {
  const text = source === 'cached' ? await readPrivate(await cacheOf(context, issuer)) : await readText(source);
  if (text === undefined) {
    throw new RegistryError('unreachable', `No public keys of ${issuer} are kept here.`, {
      field: 'jwks',
      fix: 'Verify a token online once, or name a file with --jwks.',
    });
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new RegistryError('invalid_input', 'The key set is not JSON.', { field: 'jwks', cause });
  }
}

async function cacheOf(context: Context, issuer: string): Promise<string> {
  const { home } = await context.settings();
  return join(home, 'jwks', `${toHex(sha256(utf8(issuer))).slice(0, 32)}.json`);
}

function textOf(claims: Record<string, unknown>, name: string): string {
  const value = claims[name];
  if (typeof value === 'string') return value;
  throw new RegistryError('token_malformed', `The token says no "${name}".`, { field: name });
}

const malformed = (cause?: unknown): RegistryError =>
  new RegistryError('token_malformed', 'The text is not a license token.', { cause });
