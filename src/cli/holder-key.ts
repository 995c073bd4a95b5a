/**
 * The key that a license token is bound to (DPoP), or that holds a seat: a file like that of a signing key. Whoever uses
 * the token needs it beside the token, so it may lie on another machine than what signs statements, and is made where it
 * is first named.
 */
import { RegistryError } from '../core/errors.ts';
import { makeP256, newNonce, statementKey } from '../platform/crypto.ts';
import type { Client } from './client.ts';
import type { Context } from './context.ts';
import { isPkcs11Uri } from './pkcs11/uri.ts';
import { readPrivate, writeNew } from './profile.ts';

/**
 * The key in the file, as PEM; a new one where there is no file.
 * @throws RegistryError as `readHolderKey` does, `unreachable`
 */
export async function useHolderKey(context: Context, file: string): Promise<string> {
  const pem = await readPem(file);
  if (pem !== undefined) return pem;
  const made = makeP256().pem;
  await writeNew(file, made);
  context.note(`Made the key ${file}: what is bound to it is worth nothing without it.`);
  return made;
}

/** @throws RegistryError `unreachable`, `configuration_invalid` (others can read it), `invalid_input` (no P-256 key), `usage` */
export async function readHolderKey(file: string): Promise<string> {
  const pem = await readPem(file);
  if (pem !== undefined) return pem;
  throw new RegistryError('unreachable', `There is no key file "${file}".`, {
    field: 'holder-key',
    fix: 'Name the file that --holder-key made for the token or the seat.',
  });
}

/**
 * A proof that the key is at hand, for one request, to the address by which the registry knows itself.
 * @param token that is bound to the key, where one is shown beside the proof
 */
export async function proveTo(
  client: Client,
  pem: string,
  { method, path, token }: { method: string; path: string; token?: string },
): Promise<string> {
  const { holderKey, makeProof } = await import('../tokens/dpop/index.ts');
  const url = (await issuerOf(client)) + path;
  const request = { method, url, now: Date.now(), jti: newNonce(), ...(token === undefined ? {} : { token }) };
  return makeProof(await holderKey(pem), request);
}

/** The address by which the registry knows itself: who issues its tokens, and who accepts those that are meant for it. */
export async function issuerOf(client: Client): Promise<string> {
  const { issuer } = await client.get<{ issuer: string }>('/.well-known/oauth-authorization-server');
  if (URL.canParse(issuer)) return issuer;
  throw new RegistryError('unreachable', 'The server does not say by which address it knows itself.', {
    fix: 'Check that --url names a Muniment registry of this version.',
  });
}

async function readPem(file: string): Promise<string | undefined> {
  if (isPkcs11Uri(file)) {
    throw new RegistryError(
      'usage',
      'What a token or a seat is bound to is a key in a file, not one in a hardware token.',
      {
        field: 'holder-key',
        fix: 'Name a file; a new key is made where there is none.',
      },
    );
  }
  const pem = await readPrivate(file);
  // Says what is wrong with a key of another kind.
  if (pem !== undefined) statementKey(pem);
  return pem;
}
