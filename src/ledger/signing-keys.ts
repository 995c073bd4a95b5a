/**
 * The registry's private keys, sealed under the master key wherever they rest. Each is made once, by whichever process
 * comes first; the others read what that one stored.
 */
import type { EntityManager } from 'typeorm';
import type { MasterKey } from '../platform/keys/index.ts';

/** @returns PKCS #8, DER */
export async function signingKey(
  manager: EntityManager,
  masterKey: MasterKey,
  name: string,
  make: () => Buffer,
): Promise<Buffer> {
  const stored = await readKey(manager, masterKey, name);
  if (stored !== undefined) return stored;
  await manager.query(`INSERT INTO ops.sealed_key (name, sealed) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING`, [
    name,
    masterKey.seal(make(), context(name)),
  ]);
  const made = await readKey(manager, masterKey, name);
  if (made === undefined) throw new Error(`the signing key ${name} was stored but is not there`);
  return made;
}

async function readKey(manager: EntityManager, masterKey: MasterKey, name: string): Promise<Buffer | undefined> {
  const rows: { sealed: Buffer }[] = await manager.query(`SELECT sealed FROM ops.sealed_key WHERE name = $1`, [name]);
  return rows[0] && Buffer.from(masterKey.open(rows[0].sealed, context(name)));
}

const context = (name: string): string => `muniment signing key v1: ${name}`;
