/**
 * The key that a license token is bound to (DPoP): a file like that of a signing key. Whoever uses the token needs it
 * beside the token, so it may lie on another machine than what signs statements, and is made where it is first named.
 */
import { RegistryError } from '../core/errors.ts';
import { makeP256, statementKey } from '../platform/crypto.ts';
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
  context.note(`Made the key ${file}: the token is worth nothing without it.`);
  return made;
}

/** @throws RegistryError `unreachable`, `configuration_invalid` (others can read it), `invalid_input` (no P-256 key), `usage` */
export async function readHolderKey(file: string): Promise<string> {
  const pem = await readPem(file);
  if (pem !== undefined) return pem;
  throw new RegistryError('unreachable', `There is no key file "${file}".`, {
    field: 'holder-key',
    fix: 'Name the file that "muniment token issue --holder-key" used.',
  });
}

async function readPem(file: string): Promise<string | undefined> {
  if (isPkcs11Uri(file)) {
    throw new RegistryError('usage', 'A token is bound to a key in a file, not to one in a hardware token.', {
      field: 'holder-key',
      fix: 'Name a file; a new key is made where there is none.',
    });
  }
  const pem = await readPrivate(file);
  // Says what is wrong with a key of another kind.
  if (pem !== undefined) statementKey(pem);
  return pem;
}
