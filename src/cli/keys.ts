/**
 * A party's signing key, by its name: a file (PKCS #8 PEM, readable by its user alone) or the PKCS#11 URI of a key in a
 * token. Keys are used here and never sent anywhere.
 */
import { resolve } from 'node:path';
import { RegistryError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { PartyView } from './context.ts';
import type { Io } from './io.ts';
import { isPkcs11Uri } from './pkcs11/uri.ts';
import { statementKey } from '../platform/crypto.ts';
import type { OwnKey } from './own-key.ts';
import { readPrivate } from './profile.ts';

/**
 * @param name a file, or a PKCS#11 URI
 * @throws RegistryError `unreachable`, `configuration_invalid` (others can read it), `invalid_input` (no P-256 key), and
 * `pkcs11_…` for a key in a token
 */
export async function readKey(name: string, io: Io): Promise<OwnKey> {
  if (isPkcs11Uri(name)) {
    const { openTokenKey } = await import('./pkcs11/token-key.ts');
    return openTokenKey(name, io);
  }
  const pem = await readPrivate(name);
  if (pem === undefined) {
    throw new RegistryError('unreachable', `There is no key file "${name}".`, {
      field: 'key',
      fix: 'Make a key with "muniment keygen".',
    });
  }
  return statementKey(pem);
}

/**
 * The file that a new key is to be written to.
 * @throws RegistryError `usage` for the URI of a key in a token: whoever names that does not want the key on disk
 */
export function newKeyFile(out: string): string {
  if (!isPkcs11Uri(out)) return resolve(out);
  throw new RegistryError('usage', 'A key that is made in a token has no file.', {
    field: 'out',
    fix: 'Name a file; or make the key in the token: "muniment keygen --pkcs11 URI --register".',
  });
}

/** @throws RegistryError `signature_required` when the key is another party's: then it cannot become this one's */
export async function requireNobodyElses(client: Client, me: PartyView, file: string, keyId: string): Promise<void> {
  const parties = await client.get<PartyView[]>('/v1/parties').catch((error: unknown) => {
    // An API key that may not read cannot ask; the registry itself still refuses the key.
    if (error instanceof RegistryError && error.code === 'scope_missing') return [];
    throw error;
  });
  const other = parties.find(({ id, keys }) => id !== me.id && keys.some(({ fingerprint }) => fingerprint === keyId));
  if (other === undefined) return;
  throw new RegistryError(
    'signature_required',
    `The key in "${file}" belongs to ${other.name ?? other.id}, and you act as ${me.name ?? me.id}.`,
    {
      field: 'key',
      fix: 'Name the key of this party with --key, or make it one: "muniment keygen --out FILE --register".',
    },
  );
}
