/** Signing keys on disk: PKCS #8 PEM, readable by their user alone. They are used here and never sent anywhere. */
import { RegistryError } from '../core/errors.ts';
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
