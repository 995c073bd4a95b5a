/**
 * Keeps the signer of a process on the keys that the log says are in use. Another process may have announced or retired
 * one: whoever learns of it late signs with the older keys for a moment, which everybody accepts during the overlap.
 */
import type { EntityManager } from 'typeorm';
import { RegistryError } from '../core/errors.ts';
import type { MasterKey } from '../platform/keys/index.ts';
import type { CheckpointSigner } from './checkpoint-signer.ts';
import { readLogKeys } from './log-key.store.ts';
import { signingKey } from './signing-keys.ts';

export class KeysInUse {
  #used = '';

  constructor(
    private readonly manager: EntityManager,
    private readonly masterKey: MasterKey,
    private readonly signer: CheckpointSigner,
  ) {}

  /** @throws RegistryError `ledger_refuses_to_sign` when the private half of a key is not here */
  async load(): Promise<void> {
    const inUse = (await readLogKeys(this.manager)).filter(({ retiredIndex }) => retiredIndex === null);
    const named = inUse.map(({ verifierKey }) => verifierKey).join('\n');
    if (named === this.#used) return;
    const keys: Buffer[] = [];
    for (const { verifierKey } of inUse) keys.push(await this.#open(verifierKey));
    const [oldest, ...newer] = keys;
    if (oldest === undefined) throw new RegistryError('ledger_inconsistent', 'The log has no key in use.');
    this.signer.use([oldest, ...newer]);
    this.#used = named;
  }

  /** Keeps the private half of a key that is about to be announced. */
  async keep(pkcs8: Buffer): Promise<string> {
    const verifierKey = this.signer.verifierKeyOf(pkcs8);
    await signingKey(this.manager, this.masterKey, this.#nameOf(verifierKey), () => pkcs8);
    return verifierKey;
  }

  async #open(verifierKey: string): Promise<Buffer> {
    const pkcs8 = await signingKey(this.manager, this.masterKey, this.#nameOf(verifierKey), () => {
      throw new RegistryError(
        'ledger_refuses_to_sign',
        `The private half of the log's key ${verifierKey} is missing.`,
        {
          fix: 'Restore the table ops.sealed_key that belongs to the database.',
        },
      );
    });
    if (this.signer.verifierKeyOf(pkcs8) === verifierKey) return pkcs8;
    throw new RegistryError('ledger_refuses_to_sign', `The log's key ${verifierKey} is kept under another one's name.`);
  }

  #nameOf(verifierKey: string): string {
    return verifierKey === this.signer.firstKey ? 'log' : `log/${verifierKey}`;
  }
}
