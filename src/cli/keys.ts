/** Signing keys on disk: PKCS #8 PEM, readable by their user alone. They are used here and never sent anywhere. */
import { RegistryError } from '../core/errors.ts';
import type { Client } from './client.ts';
import type { PartyView } from './context.ts';
import type { StatementKey } from '../platform/crypto.ts';
import { statementKey } from '../platform/crypto.ts';
import { readPrivate } from './profile.ts';

/** @throws RegistryError `unreachable`, `configuration_invalid` (others can read it), `invalid_input` (no P-256 key) */
export async function readKey(path: string): Promise<StatementKey> {
  const pem = await readPrivate(path);
  if (pem === undefined) {
    throw new RegistryError('unreachable', `There is no key file "${path}".`, {
      field: 'key',
      fix: 'Make a key with "muniment keygen".',
    });
  }
  return statementKey(pem);
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
