/**
 * The key under which everything secret rests: AES-256-GCM with a fresh 96-bit nonce, and the caller's context as
 * associated data, so that a sealed value copied to another row or file does not open there.
 *
 *   sealed = version 01 ‖ nonce (12) ‖ ciphertext ‖ tag (16)
 *
 * Random nonces are safe for 2^32 seals under one key (NIST SP 800-38D §8.3); this seals keys, not messages.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import { link, mkdir, readFile, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { RegistryError } from '../../core/errors.ts';
import type { Config } from '../config/index.ts';
import type { Log } from '../logging/index.ts';

const VERSION = 1;
const NONCE = 12;
const TAG = 16;

export class MasterKey {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    if (key.length !== 32) throw new RegistryError('configuration_invalid', 'The master key does not have 32 bytes.');
    this.#key = key;
  }

  /** @param context what the value is and to whom it belongs, e.g. `signing-key/log/3` */
  seal(plaintext: Uint8Array, context: string): Buffer {
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce, { authTagLength: TAG });
    cipher.setAAD(Buffer.from(context));
    return Buffer.concat([Buffer.of(VERSION), nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
  }

  /** @throws RegistryError `configuration_invalid` when the key, the context or a byte of the value is another */
  open(sealed: Uint8Array, context: string): Buffer {
    const bytes = Buffer.from(sealed);
    try {
      if (bytes.length < 1 + NONCE + TAG || bytes[0] !== VERSION) throw new Error('not a sealed value');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(1, 1 + NONCE), { authTagLength: TAG });
      decipher.setAAD(Buffer.from(context));
      decipher.setAuthTag(bytes.subarray(-TAG));
      return Buffer.concat([decipher.update(bytes.subarray(1 + NONCE, -TAG)), decipher.final()]);
    } catch (cause) {
      throw new RegistryError('configuration_invalid', `The master key does not open ${context}.`, {
        field: 'MUNIMENT_MASTER_KEY',
        fix: 'Start with the master key that the data was made with.',
        cause,
      });
    }
  }

  /** A key of its own for one purpose (RFC 5869, HKDF with SHA-256); 32 bytes. */
  derive(salt: Uint8Array, context: string): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#key, salt, `muniment ${context}`, 32));
  }

  /** The key of the settings, else the one in `<data>/master.key`, made at the first start. */
  static async load(config: Pick<Config, 'data' | 'masterKey'>, log: Log): Promise<MasterKey> {
    if (config.masterKey) return new MasterKey(config.masterKey.reveal());
    const path = join(config.data, 'master.key');
    if (await makeOnce(path)) log.info(`Made a master key in ${path}; keep a copy apart from the backups.`);

    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0) {
      throw new RegistryError('configuration_invalid', `Other users may read the master key in ${path}.`, {
        field: 'MUNIMENT_MASTER_KEY',
        fix: `Run "chmod 600 ${path}", and ask who may have read it.`,
      });
    }
    const text = (await readFile(path, 'utf8')).trim();
    const key = Buffer.from(text, 'base64');
    if (key.length !== 32 || key.toString('base64') !== text) {
      throw new RegistryError('configuration_invalid', `${path} does not hold 32 bytes in base64.`, {
        field: 'MUNIMENT_MASTER_KEY',
        fix: 'Restore it from the copy.',
      });
    }
    return new MasterKey(new Uint8Array(key));
  }
}

/** Of several processes that start at once, one makes the key: `link` fails where the name exists. */
async function makeOnce(path: string): Promise<boolean> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomBytes(8).toString('hex')}`;
  await writeFile(draft, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flush: true });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(draft);
  }
}
